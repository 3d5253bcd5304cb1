import { NatsBroker } from '@app/broker';
import { runApp } from '@app/platform';
import { startGateway } from './gateway-app';
import { GatewayConfig } from './gateway.config';

void runApp({
  name: 'gateway',
  summary: 'the public entry point: HTTP and WebSocket API, and the session of every client',
  config: GatewayConfig,
  start: async (context) => {
    const broker = new NatsBroker({
      servers: context.config.natsUrl,
      name: context.config.gatewayId,
      replicas: context.config.jetstreamReplicas,
      onHandlerError: (error) => context.log.error('bus handler failed', { err: error }),
    });
    await broker.start();
    await startGateway(context, broker);
  },
});
