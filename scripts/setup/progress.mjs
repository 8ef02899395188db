/**
 * Progress of a set-up, on standard error: a line for each step and, on a terminal only, one that is redrawn while bytes come in.
 *
 * @param {NodeJS.WriteStream} stream
 */
export function createProgress(stream) {
  const terminal = stream.isTTY === true && process.env["NO_COLOR"] === undefined && process.env["CI"] === undefined;
  let drawn = false;
  let told = -1;
  const clear = () => {
    if (drawn) stream.write("\r\x1b[K");
    drawn = false;
  };
  return {
    /** @param {string} text */
    step(text) {
      clear();
      told = -1;
      stream.write(`${terminal ? "\x1b[36mset-up\x1b[0m" : "set-up"}: ${text}\n`);
    },
    /**
     * @param {number} received bytes
     * @param {number | undefined} total bytes
     */
    transfer(received, total) {
      const text = total === undefined ? megabytes(received) : `${Math.floor((100 * received) / total)} % of ${megabytes(total)}`;
      if (terminal) {
        stream.write(`\r\x1b[K  ${text}`);
        drawn = received !== total;
        if (!drawn) stream.write("\n");
        return;
      }
      // In a log file one line for each fifth is enough.
      const fifth = total === undefined ? Math.floor(received / 10_000_000) : Math.floor((5 * received) / total);
      if (fifth > told) stream.write(`  ${text}\n`);
      told = fifth;
    },
    /** @param {string} text */
    fail(text) {
      clear();
      stream.write(`${terminal ? "\x1b[31mset-up failed\x1b[0m" : "set-up failed"}: ${text}\n`);
    },
  };
}

/** @param {number} bytes */
function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
