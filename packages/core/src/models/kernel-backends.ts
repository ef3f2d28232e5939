export {
  activeBackend,
  backends,
  kernelReport,
  type BackendInfo,
  type BackendName,
  type KernelReport,
} from '@vlprm/native-cuda';
