export { RequestDelivery, type OpenAnswer } from './request-delivery';
export { RequestLanes, type RequestLanesOptions } from './request-lanes';
