/** A picture that is not what its message says. */

import type { WireError } from "../protocol/generated";

export function malformed(error: unknown, node: number): WireError {
  const message = error instanceof Error ? error.message : String(error);
  return {
    code: "malformed",
    message,
    hint: "Reload the page; the widget may be older than the kernel.",
    node,
    index: null,
  };
}
