import { readFileSync } from 'node:fs';
import { whyNoNamespace, type NamespaceSettings } from '../cluster/support/namespace';

/** The interface of the namespace through which every packet to another machine goes. */
const wayOut = 'out0';
const marker = 'ANTIPHON_EGRESS_NAMESPACE';
/** From the ranges of RFC 5737 and RFC 3849, which are documentation alone. */
const [own, router, resolver] = ['192.0.2.1', '192.0.2.254', '192.0.2.53'];
const ownV6 = '2001:db8::1';
const routerV6 = 'fe80::1';
const nobody = '02:00:00:00:00:01';

/**
 * Loopback, and an interface with the default routes for IPv4 and IPv6, behind which nobody is. Names are asked of a resolver
 * beyond it, by packets, not of a daemon of the machine. The kernel sends nothing on the interface by itself: its neighbours
 * are fixed, it has no address that IPv6 would announce, and it looks for no router.
 */
const script = `set -e
ip link set lo up
ip link add ${wayOut} type veth peer name sink0
echo 1 > /proc/sys/net/ipv6/conf/sink0/disable_ipv6
echo 0 > /proc/sys/net/ipv6/conf/${wayOut}/router_solicitations
echo 0 > /proc/sys/net/ipv6/conf/${wayOut}/accept_ra
echo 1 > /proc/sys/net/ipv6/conf/${wayOut}/addr_gen_mode
ip link set sink0 up
ip address add ${own}/24 dev ${wayOut}
ip link set ${wayOut} up
for address in ${router} ${resolver}; do ip neigh add $address lladdr ${nobody} nud permanent dev ${wayOut}; done
ip route add default via ${router}
ip -6 address add ${ownV6}/128 dev lo
ip -6 neigh add ${routerV6} lladdr ${nobody} nud permanent dev ${wayOut}
ip -6 route add default via ${routerV6} dev ${wayOut}
own() { file=$(mktemp); echo "$1" > "$file"; chmod 644 "$file"; mount --bind "$file" "$2"; rm "$file"; }
own 'nameserver ${resolver}' /etc/resolv.conf
[ ! -e /etc/nsswitch.conf ] || own 'hosts: files dns' /etc/nsswitch.conf
[ ! -d /run/nscd ] || mount -t tmpfs none /run/nscd
exec "$@"`;

/** The network of `npm run test:egress`. */
export const outside: NamespaceSettings = { script, marker };

/** Packets that were sent to other machines since the namespace began, whether or not anybody answers. */
export function packetsSent(namespaceOf: number | 'self' = 'self', device = wayOut): number {
  const line = readFileSync(`/proc/${namespaceOf}/net/dev`, 'utf8')
    .split('\n')
    .find((each) => each.trim().startsWith(`${device}:`));
  const columns = line?.split(':')[1]?.trim().split(/\s+/) ?? [];
  // Eight columns of what was received come before the bytes and packets sent.
  const sent = Number(columns[9]);
  if (!Number.isInteger(sent)) throw new Error(`/proc/net/dev counts nothing for ${device}`);
  return sent;
}

/** A `describe` that needs the namespace; without it is skipped, and its name says why. */
export function describeInside(name: string, body: () => void): void {
  if (process.env[marker] === 'yes') describe(name, body);
  else {
    const reason = whyNoNamespace(outside) ?? 'not inside a network namespace: npm run test:egress';
    describe.skip(`${name} (skipped: ${reason})`, body);
  }
}
