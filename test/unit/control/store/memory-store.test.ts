import { MemoryStore } from '../../../../src/control/store/memory-store.ts';
import { describeStore } from './conformance.ts';

describeStore('memory store', async () => ({ store: new MemoryStore(), reopen: null }));
