/** Copying text, with a button that says so. */

import { h, icon, listen, setText } from "./dom";

/** Whether the text is in the clipboard now. */
async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // No permission or no secure context: the older way.
    const field = h("textarea", { style: "position:fixed;opacity:0" });
    field.value = text;
    document.body.append(field);
    field.select();
    const copied = document.execCommand?.("copy") ?? false;
    field.remove();
    return copied;
  }
}

/** A button that copies what `text` gives when it is pressed, and where it says whether it did. */
export function copyButton(
  title: string,
  name: string,
  text: () => string,
  signal: AbortSignal,
): [HTMLElement, HTMLElement] {
  const said = h("span", { class: "st-said", role: "status" });
  const button = h(
    "button",
    { class: "st-icon-button", "data-st": name, title, "aria-label": title },
    icon("M5.5 5.5h8v8h-8z", "M10.5 5.5v-3h-8v8h3"),
  );
  listen(
    button,
    "click",
    async () => {
      setText(said, (await copyText(text())) ? "Copied" : "Select it and copy by hand");
      setTimeout(() => setText(said, ""), 1500);
    },
    signal,
  );
  return [said, button];
}

/** A text whose parts between backquotes are code; what can be run, not a mere name, has a button that copies it. */
export function withCode(text: string, signal: AbortSignal): (Node | string)[] {
  return text.split("`").flatMap((part, i): (Node | string)[] => {
    if (part === "" || i % 2 === 0) {
      return part === "" ? [] : [part];
    }
    const code = h("code", { class: "st-inline-code" }, part);
    if (!part.includes("(")) {
      return [code];
    }
    const [said, button] = copyButton("Copy this code", "copy-advice", () => part, signal);
    button.classList.add("st-inline-button");
    return [code, button, said];
  });
}
