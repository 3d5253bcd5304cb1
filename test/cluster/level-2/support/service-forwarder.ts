import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** What a Kubernetes Service is to a connection: one address, and each new connection goes to the next ready pod. */
export class ServiceForwarder {
  private readonly server: Server;
  private readonly open_ = new Set<Socket>();
  private endpoints: readonly { readonly address: string; readonly port: number }[] = [];
  private turn = 0;

  constructor(
    readonly address: string,
    readonly port: number,
  ) {
    this.server = createServer((client) => this.forward(client));
  }

  async open(): Promise<void> {
    this.server.listen(this.port, this.address);
    await once(this.server, 'listening');
  }

  /** From now on these pods are ready; connections that are open stay where they are. */
  route(urls: readonly string[]): void {
    this.endpoints = urls.map((url) => ({ address: new URL(url).hostname, port: Number(new URL(url).port) }));
  }

  close(): void {
    this.server.close();
    for (const socket of this.open_) socket.destroy();
  }

  private forward(client: Socket): void {
    const endpoint = this.endpoints[this.turn++ % Math.max(1, this.endpoints.length)];
    this.keep(client);
    if (!endpoint) {
      client.destroy();
      return;
    }
    const pod = connect(endpoint.port, endpoint.address);
    this.keep(pod);
    client.pipe(pod).pipe(client);
    client.once('close', () => pod.destroy());
    pod.once('close', () => client.destroy());
  }

  private keep(socket: Socket): void {
    this.open_.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => this.open_.delete(socket));
  }
}
