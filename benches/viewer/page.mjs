// What the benchmark runs inside the page: a clock on pointer and pictures, and the bare relay.

/**
 * Notes every picture that reaches the screen: when it was painted, and when the pointer had chosen it.
 * Painted: the first moment after the animation frame that shows the picture; of several drawn before it only the last.
 */
export function watch() {
  const test = globalThis.__signaltree_test;
  const bench = { painted: [], latencies: [], drawn: 0, asked: [], ticks: 0 };
  globalThis.__bench = bench;
  const chosen = new Map();
  // After the viewer's own listener, so that the position is already the new one.
  addEventListener("pointermove", (event) => {
    const position = String(test.state().position);
    if (!chosen.has(position)) {
      chosen.set(position, event.timeStamp);
    }
  });
  let frame = test.frame;
  let waiting = null;
  Object.defineProperty(test, "frame", {
    configurable: true,
    get: () => frame,
    set(next) {
      if (String(next?.index) !== String(frame?.index)) {
        bench.drawn += 1;
        waiting = String(next?.index);
      }
      frame = next;
    },
  });
  const after = new MessageChannel();
  const shown = [];
  after.port1.onmessage = () => {
    const now = performance.now();
    for (const index of shown.splice(0)) {
      bench.painted.push(now);
      if (chosen.has(index)) {
        bench.latencies.push(now - chosen.get(index));
      }
    }
  };
  bench.begin = () => {
    Object.assign(bench, { painted: [], latencies: [], drawn: 0, asked: [], ticks: 0, begun: performance.now(), on: true });
    chosen.clear();
    waiting = null;
    const tick = () => {
      bench.ticks += 1;
      if (waiting !== null) {
        shown.push(waiting);
        waiting = null;
        after.port2.postMessage(null);
      }
      if (bench.on) {
        requestAnimationFrame(tick);
      }
    };
    requestAnimationFrame(tick);
  };
  bench.end = () => {
    bench.on = false;
    const { painted, latencies, drawn, asked, ticks, begun } = bench;
    const timings = test.timings.filter(({ request }) => request >= begun);
    return { painted, latencies, drawn, asked, ticks, timings };
  };
  // The requests of the viewer, to be sent again by the relay.
  const { kernel } = globalThis.jupyterapp.shell.currentWidget.context.sessionContext.session;
  kernel.anyMessage.connect((_, { msg, direction }) => {
    const content = msg.content?.data?.content;
    if (bench.on && direction === "send" && msg.header.msg_type === "comm_msg" && content?.type === "frame") {
      bench.asked.push({ comm: msg.content.comm_id, request: content });
    }
  });
}

/**
 * The floor: the viewer's own requests again, over the same websocket and comm, one after the other;
 * each waits for its reply with the samples, and nothing is drawn.
 */
export function relay({ requests, milliseconds }) {
  const { kernel } = globalThis.jupyterapp.shell.currentWidget.context.sessionContext.session;
  const view = Math.floor(Math.random() * 0x7fff_ffff);
  const times = [];
  let bytes = 0;
  let generation = 0;
  let sentAt = 0;
  return new Promise((resolve) => {
    const send = () => {
      const { comm, request } = requests[generation % requests.length];
      generation += 1;
      sentAt = performance.now();
      kernel.sendShellMessage(
        {
          channel: "shell",
          content: { comm_id: comm, data: { method: "custom", content: { ...request, view, generation } } },
          header: {
            date: new Date().toISOString(),
            msg_id: crypto.randomUUID(),
            msg_type: "comm_msg",
            session: kernel.clientId,
            username: kernel.username,
            version: "5.2",
          },
          metadata: {},
          parent_header: {},
          buffers: [],
        },
        false,
        true,
      );
    };
    const begun = performance.now();
    const received = (_, msg) => {
      const reply = msg.content?.data?.content;
      if (msg.header.msg_type !== "comm_msg" || reply?.view !== view || reply.generation !== generation) {
        return;
      }
      const now = performance.now();
      times.push(now - sentAt);
      bytes += msg.buffers?.[0]?.byteLength ?? 0;
      if (now - begun < milliseconds) {
        send();
      } else {
        kernel.iopubMessage.disconnect(received);
        resolve({ count: times.length, milliseconds: now - begun, times, bytes });
      }
    };
    kernel.iopubMessage.connect(received);
    send();
  });
}

/** Refreshes of the screen per second, with nothing else to do. */
export function refreshes(milliseconds) {
  return new Promise((resolve) => {
    let count = 0;
    const begun = performance.now();
    const tick = (now) => {
      if (now - begun < milliseconds) {
        count += 1;
        requestAnimationFrame(tick);
      } else {
        resolve((1000 * count) / (now - begun));
      }
    };
    requestAnimationFrame(tick);
  });
}
