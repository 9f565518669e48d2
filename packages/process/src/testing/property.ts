import { relative } from 'node:path';
import { argv, cwd, env } from 'node:process';
import { Random } from '../random.js';
import { Simulation, type SimulationOptions } from './simulation.js';

/** Builds a world, lets it run, and throws where what must hold does not. */
export type Scenario = (simulation: Simulation) => void | Promise<void>;

export interface PropertyOptions {
  /** How many seeds are tried. Default 100. */
  readonly runs?: number;
  /** Replays this one seed; '' takes fresh ones in any case. Default: the environment's `SEED`, else fresh ones. */
  readonly seed?: string;
  /** What the fresh seeds are derived from. Default: one that nobody knows beforehand. */
  readonly masterSeed?: string;
  /**
   * The command that runs this property, for whoever is to replay a seed: it finds that in the environment's `SEED`; or
   * makes the whole command of a seed. Default: this program.
   */
  readonly command?: string | ((seed: string) => string);
  /** Of the simulation, apart from its seed and trace. */
  readonly simulation?: Omit<SimulationOptions, 'seed' | 'trace'>;
  /** How many of the last lines of the trace a failure shows. Default 60. */
  readonly traceLinesShown?: number;
  /** How many of them a failure has in {@link PropertyError.trace}. Default 10,000. */
  readonly traceLinesKept?: number;
  /** Takes the lines that say what is tried, `t.comment` for one. Default: they are dropped. */
  readonly print?: (line: string) => void;
}

/** A seed for which a property does not hold. The message has all that is needed to see why. */
export class PropertyError extends Error {
  override readonly name = 'PropertyError';
  readonly code = 'PROPERTY';

  constructor(
    message: string,
    readonly seed: string,
    /** The whole history, as far as it was kept. */
    readonly trace: string,
    /** The same for the same history, whatever its length. */
    readonly traceDigest: string,
    options: ErrorOptions,
  ) {
    super(message, options);
  }
}

/**
 * Runs a scenario under many seeds. The runs keep no trace, which is faster; a seed that fails is run again with one,
 * and that it fails again shows that the scenario replays.
 *
 * @throws {PropertyError} for the first seed that fails: with its seed, the command that replays it, and its trace.
 */
export async function property(name: string, options: PropertyOptions, scenario: Scenario): Promise<void> {
  const failure = await findFailure(name, options, scenario);
  if (failure !== undefined) throw failure;
}

/** As {@link property}, for whoever wants the failure: undefined when there is none. */
export async function findFailure(
  name: string,
  options: PropertyOptions,
  scenario: Scenario,
): Promise<PropertyError | undefined> {
  const seeds = seedsOf(name, options);
  let tried = 0;
  for (const seed of seeds) {
    tried++;
    const error = await run(seed, scenario, options);
    if (error !== undefined) return replay(name, seed, tried, error, scenario, options);
  }
  return undefined;
}

function seedsOf(name: string, { seed = env.SEED, runs = 100, masterSeed, print }: PropertyOptions): string[] {
  if (seed !== undefined && seed !== '') {
    print?.(`${name}: replays SEED=${seed}`);
    return [seed];
  }
  const master = masterSeed ?? Random.system().token(8);
  print?.(`${name}: ${runs} seeds, ${master}-1 to ${master}-${runs}`);
  return Array.from({ length: runs }, (_, i) => `${master}-${i + 1}`);
}

/** What the scenario throws, in a box, for it may throw anything. */
async function run(seed: string, scenario: Scenario, options: PropertyOptions): Promise<{ why: unknown } | undefined> {
  try {
    await scenario(new Simulation({ ...options.simulation, seed, trace: false }));
    return undefined;
  } catch (why) {
    return { why };
  }
}

async function replay(
  name: string,
  seed: string,
  tried: number,
  first: { why: unknown },
  scenario: Scenario,
  options: PropertyOptions,
): Promise<PropertyError> {
  const { traceLinesKept: linesMax = 10_000 } = options;
  const simulation = new Simulation({ ...options.simulation, seed, trace: { linesMax } });
  let second: { why: unknown } | undefined;
  try {
    await scenario(simulation);
  } catch (why) {
    second = { why };
  }
  const { trace } = simulation;
  const lines = trace.lines.slice(-(options.traceLinesShown ?? 60));
  const message = [
    `${name} does not hold for seed ${seed} (${tried} tried): ${words(first.why)}`,
    `replay it with: ${replayCommand(seed, options.command ?? thisCommand())}`,
    ...(words(second?.why) === words(first.why) ? [] : [differs(second)]),
    `the last ${lines.length} of ${trace.length} lines of its trace:`,
    ...lines,
  ].join('\n');
  return new PropertyError(message, seed, trace.text, trace.digest, { cause: first.why });
}

function replayCommand(seed: string, command: string | ((seed: string) => string)): string {
  return typeof command === 'string' ? `SEED=${seed} ${command}` : command(seed);
}

function differs(second: { why: unknown } | undefined): string {
  const instead = second === undefined ? 'it held' : `it failed differently: ${words(second.why)}`;
  return `run again, ${instead}. So not everything in it follows from its seed: look for a clock or chance of its own`;
}

function words(why: unknown): string {
  return why instanceof Error ? why.message : String(why);
}

function thisCommand(): string {
  return `node ${relative(cwd(), argv[1] ?? '')}`;
}
