import { describe, it } from 'vitest';
import { MemoryStore } from '../../lib/stores/memory/memory.store.js';
import { describeStore } from '../../lib/testing/describe-store.js';

describeStore('MemoryStore', () => new MemoryStore(), { describe, it, encryption: ['plain'] });
