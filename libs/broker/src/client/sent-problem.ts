import { isProblemCode, ProblemError, type OutputEnvelope } from '@app/protocol';

type SentProblem = OutputEnvelope['problem'];

/** The problem that a worker sent. */
export function problemOf(problem: SentProblem): ProblemError {
  const code = problem && isProblemCode(problem.code) ? problem.code : 'internal';
  return new ProblemError(code, problem?.detail === undefined ? {} : { detail: problem.detail });
}

/** The problem of a job that crashed too often: that of its worker if it explains the failure. */
export function quarantineProblem(problem: SentProblem): ProblemError {
  const isNamed = problem && problem.code !== 'internal' && problem.code !== 'worker_unavailable';
  return isNamed ? problemOf(problem) : new ProblemError('job_quarantined');
}
