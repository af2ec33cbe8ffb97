import { AppError } from '../errors.ts';
import type { ErrorCode } from '../../contracts/error-codes.ts';

/** An error code that a broker answered, by the name that the protocol gives it. */
export class BrokerError extends Error {
  readonly type: string;

  constructor(type: string) {
    super(type);
    this.name = 'BrokerError';
    this.type = type;
  }
}

/** @see Apache Kafka protocol guide, "Error codes"; those told apart here, by kafkajs' names where they differ. */
const names = new Map([
  [1, 'OFFSET_OUT_OF_RANGE'],
  [3, 'UNKNOWN_TOPIC_OR_PARTITION'],
  [5, 'LEADER_NOT_AVAILABLE'],
  [6, 'NOT_LEADER_FOR_PARTITION'],
  [10, 'MESSAGE_TOO_LARGE'],
  [14, 'GROUP_LOAD_IN_PROGRESS'],
  [15, 'GROUP_COORDINATOR_NOT_AVAILABLE'],
  [16, 'NOT_COORDINATOR_FOR_GROUP'],
  [18, 'RECORD_LIST_TOO_LARGE'],
  [19, 'NOT_ENOUGH_REPLICAS'],
  [20, 'NOT_ENOUGH_REPLICAS_AFTER_APPEND'],
  [29, 'TOPIC_AUTHORIZATION_FAILED'],
  [30, 'GROUP_AUTHORIZATION_FAILED'],
  [31, 'CLUSTER_AUTHORIZATION_FAILED'],
  [45, 'OUT_OF_ORDER_SEQUENCE_NUMBER'],
  [47, 'INVALID_PRODUCER_EPOCH'],
  [48, 'INVALID_TXN_STATE'],
  [49, 'INVALID_PRODUCER_ID_MAPPING'],
  [53, 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED'],
  [59, 'UNKNOWN_PRODUCER_ID'],
  [76, 'UNSUPPORTED_COMPRESSION_TYPE'],
  [90, 'PRODUCER_FENCED'],
]);

export const brokerError = (code: number): BrokerError =>
  new BrokerError(names.get(code) ?? `ERROR_${code}`);

/** The protocol's name of an error of the broker, of ours or of kafkajs; undefined for any other error. */
export function errorType(error: unknown): string | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const unknownCode = /Unknown error code (-?\d+)/.exec(at.message)?.[1];
    if (unknownCode !== undefined) return brokerError(Number(unknownCode)).type;
    if ('type' in at && typeof at.type === 'string') return at.type;
  }
  return undefined;
}

const fenced = new Set([
  'PRODUCER_FENCED',
  'INVALID_PRODUCER_EPOCH',
  'INVALID_PRODUCER_ID_MAPPING',
  'TRANSACTION_COORDINATOR_FENCED',
]);

const tooLarge = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE']);

const denied = new Set([
  'TOPIC_AUTHORIZATION_FAILED',
  'GROUP_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
  'SASL_AUTHENTICATION_FAILED',
  'UNSUPPORTED_SASL_MECHANISM',
]);

/** Codes of node:tls, and of OpenSSL, for a certificate or a handshake that is refused. */
const tlsCode = /^(ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|EPROTO$)/;

/** LOG_ACCESS_DENIED or LOG_TLS_FAILED when that is what an error is about: no new try helps by itself. */
export function refusal(error: unknown): 'LOG_ACCESS_DENIED' | 'LOG_TLS_FAILED' | undefined {
  if (denied.has(errorType(error) ?? '')) return 'LOG_ACCESS_DENIED';
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if (at.name === 'KafkaJSSASLAuthenticationError') return 'LOG_ACCESS_DENIED';
    if ('code' in at && typeof at.code === 'string' && tlsCode.test(at.code))
      return 'LOG_TLS_FAILED';
  }
  return undefined;
}

/** LOG_FENCED when the broker said that a newer writer has the id, else LOG_WRITE_FAILED or a refusal. */
export function writeError(error: unknown, facts: Record<string, unknown>): AppError {
  if (error instanceof AppError) return error;
  const type = errorType(error);
  const code = writeCode(type) ?? refusal(error) ?? 'LOG_WRITE_FAILED';
  return new AppError(code, { ...facts, reason: type ?? messageOf(error) }, error);
}

function writeCode(type = ''): ErrorCode | undefined {
  if (fenced.has(type)) return 'LOG_FENCED';
  return tooLarge.has(type) ? 'LOG_RECORD_TOO_LARGE' : undefined;
}

/** LOG_UNREACHABLE, or a refusal. */
export function unreachable(brokers: readonly string[], error: unknown): AppError {
  if (error instanceof AppError) return error;
  return new AppError(
    refusal(error) ?? 'LOG_UNREACHABLE',
    { brokers, reason: errorType(error) ?? messageOf(error) },
    error,
  );
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
