import { serializeLocalByDefault } from '@mesos-ts/process/testing';

// Loaded before a test file and before the programs that it starts, by scripts/test.mjs: the one place that looks.
if (process.env.MESOS_ALWAYS_SERIALIZE === '1') serializeLocalByDefault();
