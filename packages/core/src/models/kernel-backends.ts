export { activeBackend, backends, type BackendInfo, type BackendName } from '@vlprm/native-cuda';
