import { auditHash, auditRecord, noPrevious, readAuditRecord } from './audit-record';

const at = '2026-11-29T09:30:00.000Z';
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');

describe('an audit record', () => {
  it('is JSON without white space, with seq, at and type first and the hash of the record before last', () => {
    const first = auditRecord(undefined, { at, type: 'key_created', facts: { keyId: 'alice' } });
    expect(text(first)).toBe(`{"seq":1,"at":"${at}","type":"key_created","keyId":"alice","prev":"${'0'.repeat(64)}"}`);
    // The example of docs/licensing-audit.md; `sha256sum` gives the same.
    expect(auditHash(first)).toBe('7e528663c79facf4cbce79febe0182bc4c43a7f10e2fe190802206deaa6b57a1');
    const second = auditRecord(first, { at, type: 'license_installed' });
    expect(text(second)).toBe(`{"seq":2,"at":"${at}","type":"license_installed","prev":"${auditHash(first)}"}`);
    expect(readAuditRecord(second)).toEqual({ seq: 2, at, type: 'license_installed', prev: auditHash(first) });
    expect(readAuditRecord(first)).toMatchObject({ prev: noPrevious, keyId: 'alice' });
  });

  it.each(['seq', 'at', 'type', 'prev'])('has no fact that would replace its field %s', (field) => {
    expect(() => auditRecord(undefined, { at, type: 'test', facts: { [field]: 7 } })).toThrow(field);
  });

  it('follows no bytes that are not a record', () => {
    expect(() => auditRecord(Buffer.from('{"seq":1}'), { at, type: 'test' })).toThrow('not readable');
  });

  it.each([
    ['no JSON', Buffer.from('{"seq":1')],
    ['no object', Buffer.from('null')],
    ['a number that is none', Buffer.from(`{"seq":0,"at":"${at}","type":"t","prev":""}`)],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0xff, 0x7d])],
    ['a byte order mark', Buffer.from(`\ufeff{"seq":1,"at":"${at}","type":"t","prev":""}`)],
  ])('is not read from %s', (_, bytes) => {
    expect(readAuditRecord(bytes)).toBeUndefined();
  });
});
