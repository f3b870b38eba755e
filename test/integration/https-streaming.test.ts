/** Bodies and connections over TLS. */
import { startSecureProxy, TRUSTING } from '../helpers/start-secure-proxy.ts';
import { streamingSuite } from './streaming-suite.ts';

streamingSuite({ startProxy: startSecureProxy, manner: { tls: TRUSTING } });
