// Runs before every test file: what a test starts writes to a pipe, and shall write as it does there, whatever the runner was told of colours
// (vitest hands its own answer on as FORCE_COLOR).
delete process.env["FORCE_COLOR"];
delete process.env["NO_COLOR"];
