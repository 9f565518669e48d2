import { overNats } from '../support/scene-election.js';
import { testFrozenLeader } from './frozen-leader.js';

testFrozenLeader(overNats);
