import { h, icon, listen } from "../dom";
import type { Control, ControlContext } from "./registry";

/** Keys that follow each other within this time ask the kernel once. */
const PAUSE_MS = 120;

let lists = 0;

/** The path of a file, from the folder of the notebook, with what the kernel sees there while it is typed. */
export function file({ parameter, signal, id, change, paths }: ControlContext): Control {
  const { control, name } = parameter;
  const endings = control.type === "file" ? control.endings : [];
  lists += 1;
  const listId = `st-paths-${lists}`;
  const list = h("datalist", { id: listId });
  const field = h("input", {
    type: "text",
    id,
    class: "st-field st-grow",
    spellcheck: "false",
    autocomplete: "off",
    placeholder: endings.map((ending) => `*.${ending}`).join(" "),
    list: listId,
    "data-st": `parameter-${name}-value`,
  });
  const again = h(
    "button",
    {
      class: "st-icon-button",
      title: "Read the file again, as it is now",
      "aria-label": "Read the file again",
      "data-st": `parameter-${name}-again`,
    },
    icon("M13 8a5 5 0 1 1-1.5-3.5", "M13 2v3h-3"),
  );
  let asked = "";
  let pause: ReturnType<typeof setTimeout> | undefined;
  const offer = async (): Promise<void> => {
    const written = field.value;
    asked = written;
    const found = await paths(written, endings);
    if (asked === written) {
      list.replaceChildren(...found.map((value) => h("option", { value })));
    }
  };
  listen(field, "focus", () => void offer(), signal);
  listen(
    field,
    "input",
    () => {
      clearTimeout(pause);
      pause = setTimeout(() => void offer(), PAUSE_MS);
    },
    signal,
  );
  signal.addEventListener("abort", () => clearTimeout(pause));
  const send = (): void => {
    const written = field.value.trim();
    // A folder is on the way to a file.
    if (!written.endsWith("/")) {
      change(written === "" && parameter.optional ? null : written, false);
    }
  };
  listen(field, "change", send, signal);
  listen(again, "click", send, signal);
  return {
    elements: [field, list, again],
    show(value) {
      const read = fileOf(value);
      field.value = read?.written ?? "";
      field.title = read?.sha256 ? `${read.path}\nSHA-256 ${read.sha256}` : "";
      again.hidden = !read;
    },
    start: () => null,
  };
}

/** What the kernel knows of a file, or only its path. */
function fileOf(value: unknown): { written: string; path?: unknown; sha256?: unknown } | null {
  if (typeof value === "string") {
    return { written: value };
  }
  const isRead = typeof value === "object" && value !== null && "written" in value;
  return isRead ? (value as { written: string }) : null;
}
