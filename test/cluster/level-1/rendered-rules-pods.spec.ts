import {
  containerOf,
  deployments,
  environmentOf,
  isKnative,
  named,
  namespace,
  ofKind,
  readYaml,
  render,
  workload,
  workloads,
  type Manifest,
} from './rendered';

interface ServicePorts {
  readonly clusterIP?: string;
  readonly publishNotReadyAddresses?: boolean;
  readonly selector: Readonly<Record<string, string>>;
  readonly ports: readonly { name: string; port: number; targetPort: number | string }[];
}

interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly { key: string; operator: 'In'; values: readonly string[] }[];
}

const isSelected = ({ matchLabels = {}, matchExpressions = [] }: LabelSelector, { metadata }: Manifest): boolean =>
  Object.entries(matchLabels).every(([key, value]) => metadata.labels?.[key] === value) &&
  matchExpressions.every(({ key, values }) => values.includes(metadata.labels?.[key] ?? ''));

/** A Service of Kubernetes itself, not of Knative. */
const service = (manifests: readonly Manifest[], name: string): ServicePorts =>
  named(
    manifests.filter((each) => !isKnative(each)),
    'Service',
    name,
  ).spec as unknown as ServicePorts;

const portsOf = (manifests: readonly Manifest[], name: string): number[] =>
  (containerOf(workload(manifests, name)).ports ?? []).map(({ containerPort }) => containerPort);

describe.each(deployments)('the pods with %s', (title, choice) => {
  const manifests = render(choice);
  const pods = workloads(manifests);
  const apps = pods.filter(({ name }) => name !== 'nats');
  const workers = apps.filter(({ name }) => name.startsWith('worker-'));

  it('listen where the port table says', () => {
    expect(portsOf(manifests, 'gateway')).toEqual([5000]);
    expect(portsOf(manifests, 'license')).toEqual([8080]);
    expect(portsOf(manifests, 'inference')).toEqual([8000]);
    expect(portsOf(manifests, 'nats')).toEqual([4222, 6222, 8222]);
    for (const { name } of workers) expect(portsOf(manifests, name)).toEqual([8080]);
    for (const pod of apps.filter(({ name }) => name !== 'license'))
      expect(environmentOf(pod).METRICS_PORT).toBe('8080');
  });

  it('dial 80 behind a Knative Service, and NATS at 4222', () => {
    const { LICENSE_PROXY_URL, INFERENCE_URL } = environmentOf(workload(manifests, 'gateway'));
    expect([LICENSE_PROXY_URL, INFERENCE_URL]).toEqual(
      ['license', 'inference'].map((name) => `http://${name}.${namespace}.svc.cluster.local`),
    );
    for (const pod of apps) {
      expect(environmentOf(pod).NATS_URL).toBe(`nats://nats.${namespace}.svc.cluster.local:4222`);
    }
  });

  it('have their metrics at 8080 for Prometheus', () => {
    const names = apps.map(({ name }) => (name.startsWith('worker-') ? name : `${name}-metrics`));
    for (const [index, name] of names.entries()) {
      const { clusterIP, selector, ports } = service(manifests, name);
      expect(ports).toEqual([{ name: 'metrics', port: 8080, targetPort: 8080 }]);
      expect(clusterIP).toBe('None');
      const pod = apps[index];
      const labels =
        pod && isKnative(pod.manifest) ? { 'serving.knative.dev/service': pod.name } : pod?.template.metadata.labels;
      expect(labels).toMatchObject(selector);
    }
  });

  it('are NATS by name, each server by its own', () => {
    expect(service(manifests, 'nats').ports).toEqual([{ name: 'nats', port: 4222, targetPort: 'nats' }]);
    const headless = service(manifests, 'nats-headless');
    expect(headless).toMatchObject({ clusterIP: 'None', publishNotReadyAddresses: true });
    expect(headless.ports.map(({ port }) => port)).toEqual([4222, 6222, 8222]);
    const config = named(manifests, 'ConfigMap', 'nats').data?.['nats.conf'] ?? '';
    expect(config).toMatch(/^server_name: \$POD_NAME$/m);
    expect(config).toMatch(/^port: 4222$/m);
    expect(config).toMatch(/^http_port: 8222$/m);
    const replicas = Number(workload(manifests, 'nats').manifest.spec?.replicas);
    const routes = config.match(/nats:\/\/nats-\d\.nats-headless\.speech\.svc\.cluster\.local:6222/g) ?? [];
    expect(routes).toHaveLength(replicas > 1 ? replicas : 0);
    expect(config.includes('no_advertise: true')).toBe(replicas > 1);
    for (const pod of apps) expect(Number(environmentOf(pod).JETSTREAM_REPLICAS)).toBeLessThanOrEqual(replicas);
  });

  it('may do nothing but their work', () => {
    for (const { template } of pods) {
      expect(template.spec).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false });
      const account = named(manifests, 'ServiceAccount', template.spec.serviceAccountName ?? '');
      expect(account).toMatchObject({ automountServiceAccountToken: false });
      for (const { securityContext } of [...template.spec.containers, ...(template.spec.initContainers ?? [])]) {
        expect(securityContext).toEqual({
          runAsNonRoot: true,
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
          seccompProfile: { type: 'RuntimeDefault' },
        });
      }
    }
  });

  it('have one bounded folder for temporary files on a root that is read-only', () => {
    for (const pod of pods) {
      const mount = containerOf(pod).volumeMounts?.find(({ mountPath }) => mountPath === '/tmp');
      const volume = pod.template.spec.volumes?.find(({ name }) => name === mount?.name);
      expect([pod.name, mount?.readOnly ?? false, volume?.emptyDir]).toEqual([
        pod.name,
        false,
        { sizeLimit: expect.stringMatching(/^\d+[MG]i$/) as string },
      ]);
    }
  });

  it('are servers of NATS that may write to their volumes, and whose clients leave before they go', () => {
    const nats = workload(manifests, 'nats');
    const config = named(manifests, 'ConfigMap', 'nats').data?.['nats.conf'] ?? '';
    const setting = (name: string): string => new RegExp(`^ *${name}: (\\S+)$`, 'm').exec(config)?.[1] ?? '';
    const [claim] = nats.manifest.spec?.volumeClaimTemplates as Manifest[];
    const mount = containerOf(nats).volumeMounts?.find(({ name }) => name === claim?.metadata.name);
    expect(mount?.mountPath).toBe(setting('store_dir'));
    const { runAsUser, fsGroup } = nats.template.spec.securityContext ?? {};
    expect(runAsUser).toBeGreaterThan(0);
    expect(fsGroup).toBeGreaterThan(0);
    expect(containerOf(nats).lifecycle).toEqual({
      preStop: { exec: { command: ['nats-server', `-sl=ldm=${setting('pid_file')}`] } },
    });
    const lameDuckSeconds = Number.parseInt(setting('lame_duck_duration'), 10);
    expect(lameDuckSeconds).toBeGreaterThan(0);
    expect(nats.template.spec.terminationGracePeriodSeconds).toBeGreaterThan(lameDuckSeconds);
  });

  it('are asked for their health at a port that is written out', () => {
    for (const pod of pods) {
      const { startupProbe, readinessProbe, livenessProbe, ports = [] } = containerOf(pod);
      const probes = [startupProbe, readinessProbe, livenessProbe];
      for (const probe of probes) {
        expect(ports.map(({ containerPort }) => containerPort)).toContain(probe?.httpGet?.port);
      }
    }
  });

  it('have a digest or a tag, from the registry that was named', () => {
    const images = pods.map((pod) => containerOf(pod).image);
    for (const image of images) expect(image).toMatch(/:[\w.-]+$|@sha256:/);
    if (title === 'air-gapped') for (const image of images) expect(image).toMatch(/^registry\.example\.com\/speech\//);
  });
});

describe.each(deployments)('the Knative Services with %s', (_, choice) => {
  const manifests = render(choice);
  const limits = (readYaml('knative/cluster/config-defaults.yaml') as Manifest).data ?? {};
  const longestSeconds = Number(limits['max-revision-timeout-seconds']);
  const pods = workloads(manifests).filter(({ manifest }) => isKnative(manifest));

  it('are three, of which the gateway alone can be seen from outside', () => {
    expect(pods.map(({ name }) => name).sort()).toEqual(['gateway', 'inference', 'license']);
    const visible = pods.filter(
      ({ manifest }) => manifest.metadata.labels?.['networking.knative.dev/visibility'] !== 'cluster-local',
    );
    expect(visible.map(({ name }) => name)).toEqual(['gateway']);
  });

  it('scale by annotations of the template, not of the Service', () => {
    for (const { manifest, template } of pods) {
      expect(Object.keys(manifest.metadata.annotations ?? {})).toEqual([]);
      const annotations = template.metadata.annotations ?? {};
      expect(annotations['autoscaling.knative.dev/class']).toBe('kpa.autoscaling.knative.dev');
      for (const bound of ['min-scale', 'max-scale']) {
        expect(annotations[`autoscaling.knative.dev/${bound}`]).toMatch(/^\d+$/);
      }
    }
  });

  it('live no longer than Knative lets them, with the cluster patched as the repository says', () => {
    for (const { template } of pods) expect(template.spec.timeoutSeconds).toBeLessThanOrEqual(longestSeconds);
    const activator = readYaml('knative/cluster/activator.yaml') as Manifest & {
      spec: { template: { spec: { terminationGracePeriodSeconds: number } } };
    };
    expect(activator.spec.template.spec.terminationGracePeriodSeconds).toBe(longestSeconds);
  });

  it('do not cut a socket or a held request that is busy', () => {
    for (const name of ['gateway', 'inference']) {
      const { spec } = workload(manifests, name).template;
      expect(spec.responseStartTimeoutSeconds).toBe(0);
      expect(spec.idleTimeoutSeconds).toBeUndefined();
    }
    expect(workload(manifests, 'gateway').template.spec.containerConcurrency).toBe(0);
  });

  it('end within the time that the proxy leaves them: 30 s for late requests, then 60 s for sockets', () => {
    expect(Number(environmentOf(workload(manifests, 'gateway')).DRAIN_MS)).toBeLessThan(60_000);
    for (const { template } of pods) expect(template.spec.timeoutSeconds).toBeGreaterThanOrEqual(30 + 60);
  });

  it('leave PORT to Knative, and declare one port', () => {
    for (const pod of pods) {
      expect(Object.keys(environmentOf(pod))).not.toContain('PORT');
      expect(containerOf(pod).ports).toHaveLength(1);
    }
  });
});

describe('the values files', () => {
  it('let everything go to zero with dev, and need nothing but Knative', () => {
    const manifests = render({ files: ['dev'] });
    for (const pod of workloads(manifests).filter(({ manifest }) => isKnative(manifest))) {
      expect(pod.template.metadata.annotations?.['autoscaling.knative.dev/min-scale']).toBe('0');
    }
    const foreign = manifests.filter(({ apiVersion }) => /keda|coreos|cert-manager|gke/.test(apiVersion));
    expect(foreign).toEqual([]);
    expect(JSON.stringify(manifests)).not.toContain('nvidia');
    expect(environmentOf(workload(manifests, 'gateway')).DISPATCH).not.toContain('queue');
  });

  it('keep a gateway and a license app of production running, with three NATS, GPUs, and Prometheus every 5 s', () => {
    const manifests = render({ files: ['production'] });
    for (const name of ['gateway', 'license']) {
      expect(workload(manifests, name).template.metadata.annotations?.['autoscaling.knative.dev/min-scale']).toBe('1');
    }
    expect(workload(manifests, 'nats').manifest.spec?.replicas).toBe(3);
    expect(environmentOf(workload(manifests, 'gateway')).JETSTREAM_REPLICAS).toBe('3');
    const monitors = ofKind(manifests, 'ServiceMonitor');
    expect(monitors.map(({ metadata }) => metadata.name).sort()).toEqual(['antiphon', 'antiphon-workers']);
    for (const { spec } of monitors) {
      expect(spec?.endpoints).toEqual([{ port: 'metrics', path: '/metrics', interval: '5s', scrapeTimeout: '5s' }]);
    }
    const workers = workloads(manifests).filter(({ kind }) => kind === 'Deployment');
    const onGpu = workers.filter((worker) => containerOf(worker).resources?.limits?.['nvidia.com/gpu'] === '1');
    expect(onGpu.map(({ name }) => name).sort()).toEqual(['worker-stt-whisper-tiny-en', 'worker-tts-piper']);
  });

  it('give scraped pods the job names that rules and dashboards ask for', () => {
    const manifests = render({ files: ['production'] });
    const services = ofKind(manifests, 'Service').filter((each) => !isKnative(each));
    const jobs = ofKind(manifests, 'ServiceMonitor').flatMap(({ spec }) => {
      const { jobLabel = '', selector } = spec as { jobLabel?: string; selector: LabelSelector };
      return services.filter((each) => isSelected(selector, each)).map(({ metadata }) => metadata.labels?.[jobLabel]);
    });
    expect([...new Set(jobs)].sort()).toEqual(['gateway', 'inference', 'license', 'worker']);
  });

  it('fetch nothing when air-gapped', () => {
    const manifests = render({ files: ['production', 'airgapped'] });
    for (const { template } of workloads(manifests)) {
      expect(template.spec.initContainers).toBeUndefined();
      expect(template.spec.imagePullSecrets).toEqual([{ name: 'registry' }]);
    }
    expect(ofKind(manifests, 'NetworkPolicy').map(({ metadata }) => metadata.name)).toContain(
      'antiphon-deny-external-egress',
    );
  });
});
