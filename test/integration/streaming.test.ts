/** Bodies and connections without TLS. */
import { startProxy } from '../helpers/start-proxy.ts';
import { streamingSuite } from './streaming-suite.ts';

streamingSuite({ startProxy, manner: {} });
