import { randomChoice } from '../../../../src/proxy/balance/random.ts';
import { conformance } from './conformance.ts';

conformance('random', randomChoice, { weights: 'drawn' });
