import { spawnSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';

/** Set inside the namespace. */
const marker = 'ANTIPHON_CLUSTER_NAMESPACE';

/** Every address of 10.99.0.0/16 is this machine's own inside the namespace: a pod can have one of its own. */
const subnet = '10.99.0.1/16';

/** Loopback up, and a hosts file of the namespace's own, which ends with it. */
const prepareAndRun = `set -e
ip link set lo up
ip address add ${subnet} dev lo
hosts=$(mktemp)
cat /etc/hosts > "$hosts"
chmod 644 "$hosts"
mount --bind "$hosts" /etc/hosts
rm "$hosts"
exec "$@"`;

/** How a namespace is prepared, and how its processes know that they are inside. */
export interface NamespaceSettings {
  /** A shell script that ends with `exec "$@"`. It runs with mounts of its own. */
  readonly script: string;
  /** Name of the variable that is `yes` inside. */
  readonly marker: string;
}

const ofCluster: NamespaceSettings = { script: prepareAndRun, marker };

/** A command line that runs another one with a network and mounts of its own, and a mark in its environment. */
export function namespaceCommand(command: string, args: readonly string[], settings = ofCluster) {
  const asRoot = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  const enter = ['--net', '--mount', '--propagation', 'private'];
  const run = ['sh', '-c', settings.script, 'sh', 'env', `${settings.marker}=yes`, command, ...args];
  return { command: 'unshare', args: [...asRoot, ...enter, ...run] };
}

/** Why no such namespace can be made here; undefined where it can. */
export function whyNoNamespace(settings = ofCluster): string | undefined {
  const { command, args } = namespaceCommand('true', [], settings);
  const { error, status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (error) return error.message;
  return status === 0 ? undefined : (stderr.trim().split('\n').at(-1) ?? `unshare ended with ${status}`);
}

/** Whether this process runs inside such a namespace. */
export const insideNamespace = (): boolean => process.env[marker] === 'yes';

/** Makes names resolve to addresses inside the namespace; later lines of a name do not replace earlier ones. */
export function addHosts(addresses: Readonly<Record<string, string>>): void {
  if (!insideNamespace()) throw new Error('the hosts file of this machine is not to be changed');
  const lines = Object.entries(addresses).map(([name, address]) => `${address} ${name}\n`);
  appendFileSync('/etc/hosts', lines.join(''));
}

/** A `describe` that needs the namespace and perhaps more; without it is skipped, and its name says why. */
export function describeInNamespace(name: string, body: () => void, alsoMissing: readonly string[] = []): void {
  const reasons = [
    ...(insideNamespace() ? [] : [whyNoNamespace() ?? 'not inside a network namespace: npm run test:cluster']),
    ...alsoMissing,
  ];
  if (reasons.length === 0) describe(name, body);
  else describe.skip(`${name} (skipped: ${reasons.join('; ')})`, body);
}
