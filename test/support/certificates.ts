import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** PEM files of a certificate and its key. */
export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
}

const validDays = '2';

/** An issuer of certificates for this run. */
export class Authority {
  private constructor(
    private readonly folder: string,
    private readonly own: Certificate,
  ) {}

  static create(folder: string, name: string): Authority {
    mkdirSync(folder, { recursive: true });
    const own = { certFile: join(folder, 'ca.crt'), keyFile: join(folder, 'ca.key') };
    openssl(['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', validDays, '-subj', `/CN=${name}`], own);
    return new Authority(folder, own);
  }

  get certFile(): string {
    return this.own.certFile;
  }

  /** As webhook configurations and kubeconfigs want it. */
  get bundle(): string {
    return readFileSync(this.own.certFile).toString('base64');
  }

  /** A certificate for servers and clients of these names, `DNS:…` or `IP:…`. */
  issue(name: string, alternativeNames: readonly string[] = ['DNS:localhost']): Certificate {
    const file = (suffix: string): string => join(this.folder, `${name}.${suffix}`);
    const made = { certFile: file('crt'), keyFile: file('key') };
    openssl(['req', '-newkey', 'rsa:2048', '-nodes', '-subj', `/CN=${name}`], {
      certFile: file('csr'),
      keyFile: made.keyFile,
    });
    writeFileSync(
      file('ext'),
      `subjectAltName=${alternativeNames.join(',')}\nextendedKeyUsage=serverAuth,clientAuth\n`,
    );
    const signing = ['-CA', this.own.certFile, '-CAkey', this.own.keyFile, '-CAcreateserial', '-days', validDays];
    run(['x509', '-req', '-in', file('csr'), ...signing, '-extfile', file('ext'), '-out', made.certFile]);
    return made;
  }
}

/** A key pair for signing service account tokens: PEM files. */
export function createKeyPair(folder: string, name: string): { privateFile: string; publicFile: string } {
  const privateFile = join(folder, `${name}.key`);
  const publicFile = join(folder, `${name}.pub`);
  run(['genrsa', '-out', privateFile, '2048']);
  run(['rsa', '-in', privateFile, '-pubout', '-out', publicFile]);
  return { privateFile, publicFile };
}

const openssl = (args: readonly string[], { certFile, keyFile }: Certificate): void =>
  run([...args, '-keyout', keyFile, '-out', certFile]);

function run(args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
