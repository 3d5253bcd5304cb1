/** Where each part is found inside the namespace, in which all of 10.99.0.0/16 is this machine. */
export const addresses = {
  apiServer: '10.99.0.1',
  nats: ['10.99.0.2', '10.99.0.3', '10.99.0.4'],
  license: '10.99.0.5',
  gateway: '10.99.0.6',
} as const;

/** Ports of the control plane, on every address. */
export const ports = {
  etcd: 2379,
  etcdPeers: 2380,
  apiServer: 6443,
  kwok: 10_247,
  kedaAdapter: 6444,
  kedaOperatorMetrics: 9666,
  kedaWebhooks: 9443,
  knativeWebhook: 8443,
} as const;

const podSubnet = '10.99.1.';
const podsAtMost = 250;

/** Addresses for pods that are real processes; one that was given back is given out again last. */
export class PodAddresses {
  private readonly free = Array.from({ length: podsAtMost }, (_, index) => `${podSubnet}${index + 1}`);

  take(): string {
    const address = this.free.shift();
    if (address === undefined) throw new Error(`more than ${podsAtMost} pods at once`);
    return address;
  }

  giveBack(address: string): void {
    this.free.push(address);
  }
}
