export { failedFinding as failedCheck } from '@vlprm/core/models';
