// What the server's refusals mean to a person.
import { clipped } from "./dom.js";

const REFUSALS = new Map([
  [4101, "That name is taken."],
  [4102, "Wrong password."],
  [4104, "The server did not understand that."],
  [4105, "Not allowed."],
  [4106, "There is nobody of that name."],
  [4107, "This server does not offer that."],
  [4110, "One of you blocks the other."],
  [4111, "Too many devices of this account."],
  [4113, "The server could not read that."],
  [4115, "The token is not valid."],
  [4117, "You are friends already, or have asked already."],
  [5103, "The server's database failed."],
  [5104, "Too fast: the server asks for patience."],
]);

export function refusalText(error) {
  const code = error?.code;
  const words = REFUSALS.get(code) ?? "The server refused.";
  const info = typeof error?.info === "string" ? ` ${clipped(error.info, 200)}` : "";
  return code === undefined ? words : `${words} (${code}${info})`;
}
