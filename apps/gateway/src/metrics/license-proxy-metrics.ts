import { Injectable, type OnModuleInit, type Provider } from '@nestjs/common';
import { InjectMetric, makeCounterProvider, makeGaugeProvider } from '@willsoto/nestjs-prometheus';
import type { Counter, Gauge } from 'prom-client';
import type { Circuit } from '../auth/circuit';
import type { ProxyReach } from '../auth/proxy-reach';

const circuit = {
  name: 'antiphon_license_proxy_circuit',
  help: 'Circuit breaker of this gateway for the license app: 1 for the current state of closed, open and half_open. Requests wait for the license app only while it is closed.',
  labelNames: ['state'] as const,
};
const timeouts = {
  name: 'antiphon_license_proxy_timeouts_total',
  help: 'Requests that the license app did not answer in time. Each opened the circuit.',
};
const reach = {
  name: 'antiphon_license_proxy_reach',
  help: 'Whether the license app answers this gateway: 1 for the current state of active, grace (earlier decisions serve) and refused.',
  labelNames: ['state'] as const,
};
const graceRest = {
  name: 'antiphon_license_proxy_grace_seconds',
  help: 'Time for which earlier decisions serve while the license app does not answer, in seconds. Counts down in an outage.',
};
const graceShare = {
  name: 'antiphon_license_proxy_grace_ratio',
  help: 'Part of antiphon_license_proxy_grace_seconds that an outage has left: 1 while the license app answers, 0 at the end.',
};

const circuitStates: readonly Circuit['state'][] = ['closed', 'open', 'half_open'];
const reachStates: readonly ProxyReach['state'][] = ['active', 'grace', 'refused'];

/** What the gateway measures of its way to the license app. Times are given in milliseconds and exported in seconds. */
@Injectable()
export class LicenseProxyMetrics implements OnModuleInit {
  @InjectMetric(circuit.name) private readonly circuits!: Gauge<'state'>;
  @InjectMetric(timeouts.name) private readonly timeouts!: Counter;
  @InjectMetric(reach.name) private readonly reaches!: Gauge<'state'>;
  @InjectMetric(graceRest.name) private readonly graceRest!: Gauge;
  @InjectMetric(graceShare.name) private readonly graceShare!: Gauge;

  onModuleInit(): void {
    this.timeouts.inc(0);
    this.circuit('closed');
    this.reach('active', 0, 1);
  }

  circuit(state: Circuit['state']): void {
    for (const each of circuitStates) this.circuits.set({ state: each }, each === state ? 1 : 0);
  }

  timedOut(): void {
    this.timeouts.inc();
  }

  /** `restShare`: the part of the grace that is left, 0 to 1. */
  reach(state: ProxyReach['state'], restMs: number, restShare: number): void {
    for (const each of reachStates) this.reaches.set({ state: each }, each === state ? 1 : 0);
    this.graceRest.set(restMs / 1000);
    this.graceShare.set(restShare);
  }
}

/** For `gatewayMetrics`. */
export const licenseProxyMetrics: readonly Provider[] = [
  LicenseProxyMetrics,
  makeCounterProvider(timeouts),
  ...[circuit, reach, graceRest, graceShare].map(makeGaugeProvider),
];
