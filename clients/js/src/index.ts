export * from "./replica.js";
