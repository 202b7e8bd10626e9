interface TlsAdvice {
  readonly hint: string
  /** False where a certificate is refused, which does not pass by waiting. */
  readonly retryable: boolean
}

/** OpenSSL's and Node's codes for connections that fail in TLS. */
const ADVICE: readonly (readonly [RegExp, TlsAdvice])[] = [
  [
    /^ERR_TLS_CERT_ALTNAME/,
    { hint: 'name the server in --clickhouse-url by a name that its certificate is for', retryable: false },
  ],
  [
    /EXPIRED|NOT_YET_VALID/,
    {
      hint: "renew the server's certificate, or its CA's in --clickhouse-ca-file; if both are in force, this machine's clock is wrong",
      retryable: false,
    },
  ],
  [
    /SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|UNTRUSTED|INVALID_CA|CERT_/,
    { hint: "name the certificate of the server's own CA with --clickhouse-ca-file", retryable: false },
  ],
  [
    /^ERR_SSL_.*_ALERT_/,
    {
      hint: 'the server ended the handshake; if it wants a certificate of the client, it needs a port that does not',
      retryable: true,
    },
  ],
  [
    /^(EPROTO|ERR_SSL_|ERR_TLS_)/,
    { hint: 'check scheme and port of --clickhouse-url: https has a port of its own, often 8443', retryable: true },
  ],
]

/** What to do about a connection that failed with this code; undefined where it did not fail in TLS. */
export function tlsAdvice(code: string | undefined): TlsAdvice | undefined {
  return code === undefined ? undefined : ADVICE.find(([pattern]) => pattern.test(code))?.[1]
}
