import { overZookeeper } from '../support/scene-election.js';
import { testFrozenLeader } from './frozen-leader.js';

testFrozenLeader(overZookeeper);
