import { NatsAppendLog, NatsBroker } from '@app/broker';
import { runApp, type Log } from '@app/platform';
import { logs } from '@app/protocol';
import { startGateway } from './gateway-app';
import { GatewayConfig } from './gateway.config';

void runApp({
  name: 'gateway',
  summary: 'the public entry point: HTTP and WebSocket API, and the session of every client',
  config: GatewayConfig,
  start: async (context) => {
    const { config, log } = context;
    const nats = { servers: config.natsUrl, replicas: config.jetstreamReplicas, log };
    const broker = new NatsBroker({
      ...nats,
      name: config.gatewayId,
      onHandlerError: (error) => log.error('bus handler failed', { err: error }),
    });
    await broker.start();
    const usageLog = new NatsAppendLog({ ...nats, name: `${config.gatewayId}-usage`, ...logs.usage });
    await started(usageLog, log);
    await startGateway(context, broker, usageLog);
  },
});

/** A log whose JetStream stream cannot be created yet is tried again at every record. Until then records are spooled. */
async function started(usageLog: NatsAppendLog, log: Log): Promise<void> {
  try {
    await usageLog.start();
  } catch (error) {
    log.error('the JetStream stream of usage records cannot be created', { err: error });
  }
}
