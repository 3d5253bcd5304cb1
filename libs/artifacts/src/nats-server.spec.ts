import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installedNatsServer } from './nats-server';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'nats-server-'))));
afterEach(() => rmSync(folder, { recursive: true }));

function serverThatSays(text: string): string {
  const path = join(folder, 'nats-server');
  writeFileSync(path, `#!/bin/sh\necho '${text}'\n`, { mode: 0o755 });
  return path;
}

describe('installedNatsServer', () => {
  it.each([
    ['nats-server: v2.11.0', '2.11.0'],
    ['nats-server: v2.15.1', '2.15.1'],
    ['nats-server: v2.12.0-RC.1', '2.12.0-RC.1'],
    ['nats-server: v3.0.0', '3.0.0'],
  ])('takes one that says "%s"', async (text, version) => {
    const command = serverThatSays(text);
    expect(await installedNatsServer(command)).toEqual({ command, version, source: 'path' });
  });

  it.each(['nats-server: v2.10.25', 'nats-server: v1.4.1', 'something else', ''])(
    'leaves one that says "%s"',
    async (text) => {
      expect(await installedNatsServer(serverThatSays(text))).toBeUndefined();
    },
  );

  it('does without one that is not there', async () => {
    expect(await installedNatsServer(join(folder, 'absent'))).toBeUndefined();
  });
});
