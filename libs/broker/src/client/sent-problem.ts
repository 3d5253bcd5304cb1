import { isProblemCode, ProblemError, type OutputEnvelope } from '@app/protocol';

type SentProblem = OutputEnvelope['problem'];

/** The problem that a worker names. */
export function problemOf(problem: SentProblem): ProblemError {
  const code = problem && isProblemCode(problem.code) ? problem.code : 'internal';
  return new ProblemError(code, problem?.detail === undefined ? {} : { detail: problem.detail });
}

/** How a job ends that crashed too often: with the problem that its worker names, where it says what is wrong. */
export function quarantineProblem(problem: SentProblem): ProblemError {
  const isNamed = problem && problem.code !== 'internal' && problem.code !== 'worker_unavailable';
  return isNamed ? problemOf(problem) : new ProblemError('job_quarantined');
}
