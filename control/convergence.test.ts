import { expect, test } from "vitest";
import { Convergence } from "./convergence.ts";

function recording(): { readonly convergence: Convergence; readonly times: number[] } {
  const times: number[] = [];
  return { convergence: new Convergence((milliseconds) => times.push(milliseconds)), times };
}

test("a change has converged when the last proxy that it concerns has answered", () => {
  const { convergence, times } = recording();
  convergence.changed(100, ["a", "b"]);
  convergence.answered("a", 110);
  convergence.answered("stranger", 115);
  expect(times).toEqual([]);
  convergence.answered("b", 120);
  expect(times).toEqual([20]);
  convergence.answered("b", 130);
  expect(times).toEqual([20]);
});

test("an answer is one to all changes before it", () => {
  const { convergence, times } = recording();
  convergence.changed(100, ["a"]);
  convergence.changed(105, ["a", "b"]);
  convergence.answered("a", 110);
  convergence.answered("b", 111);
  expect(times).toEqual([10, 6]);
});

test("a change that concerns nobody is none", () => {
  const { convergence, times } = recording();
  convergence.changed(100, []);
  convergence.answered("a", 110);
  expect(times).toEqual([]);
});

test("what nobody answers is forgotten after a thousand others", () => {
  const { convergence, times } = recording();
  convergence.changed(0, ["silent"]);
  for (let at = 1; at <= 1000; at++) convergence.changed(at, ["a"]);
  convergence.answered("silent", 2000);
  expect(times).toEqual([]);
});

test("who waits for a change hears when all have answered, where it concerns nobody, and when it is forgotten", () => {
  const { convergence } = recording();
  const heard: string[] = [];
  convergence.changed(100, ["a", "b"], () => heard.push("two"));
  convergence.changed(100, ["silent"], () => heard.push("silent"));
  convergence.changed(100, [], () => heard.push("nobody"));
  convergence.answered("a", 110);
  expect(heard).toEqual(["nobody"]);
  convergence.answered("b", 120);
  expect(heard).toEqual(["nobody", "two"]);
  for (let at = 1; at <= 1000; at++) convergence.changed(at, ["a"]);
  expect(heard).toEqual(["nobody", "two", "silent"]);
});
