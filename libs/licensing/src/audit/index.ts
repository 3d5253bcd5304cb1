export * from './audit-archive';
export * from './audit-record';
export type { AuditFinding } from './chain-check';
export * from './checkpoint';
export * from './verify-audit';
