import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installedNatsServer, resolveNatsServer } from './nats-server';

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
    expect(await installedNatsServer(command)).toEqual({ command, version });
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

describe('resolveNatsServer', () => {
  it('takes the one that is installed, and looks no further', async () => {
    const command = serverThatSays('nats-server: v2.11.0');
    const found = await resolveNatsServer('/nowhere', { offline: true }, command);
    expect(found).toEqual({ command, version: '2.11.0' });
  });

  it('says how to get the pinned one when an installed one is too old and it may not download', async () => {
    const command = serverThatSays('nats-server: v2.10.0');
    await expect(resolveNatsServer(folder, { offline: true }, command)).rejects.toMatchObject({
      code: 'artifact_unavailable',
      detail: expect.stringContaining('npm run models -- get nats-server') as string,
    });
  });
});
