import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { checksum, samplesOf } from "../src/protocol/buffers";
import {
  type Channel,
  type ChannelHandlers,
  Client,
  FAR_MS,
  LOST_MS,
  PICTURE_TIMEOUT_MS,
  type PictureRequest,
  RequestError,
} from "../src/protocol/client";

describe("buffers", () => {
  it("are viewed without a copy", () => {
    const source = Uint16Array.of(1, 2, 3);
    const samples = samplesOf(new DataView(source.buffer), "u16", 3);
    expect([...samples]).toEqual([1, 2, 3]);
    expect(samples.buffer).toBe(source.buffer);
  });

  it("are copied only when their offset does not fit", () => {
    const bytes = new Uint8Array([9, 1, 0, 2, 0]);
    expect([...samplesOf(new DataView(bytes.buffer, 1), "u16", 2)]).toEqual([1, 2]);
  });

  it("of the wrong length are refused", () => {
    expect(() => samplesOf(new DataView(new ArrayBuffer(10)), "f32", 3)).toThrow(/needs 12 bytes, 10 came/);
  });

  it("of different pictures have different checksums", () => {
    expect(checksum(Float32Array.of(1, 2))).not.toBe(checksum(Float32Array.of(2, 1)));
  });
});

describe("client", () => {
  let sent: Record<string, unknown>[];
  let client: Client;
  let events: unknown[];

  beforeEach(() => {
    vi.useFakeTimers();
    sent = [];
    events = [];
    client = new Client({ send: (content) => sent.push(content as Record<string, unknown>) }, (event) =>
      events.push(event),
    );
  });
  afterEach(() => vi.useRealTimers());

  it("matches replies by id and ignores those of other pages", async () => {
    const answer = client.ask({ type: "compute", node: 3 });
    client.receive({ type: "done", request_id: 1 + (sent[0]?.request_id as number), node: 7 }, []);
    client.receive({ type: "done", request_id: sent[0]?.request_id, node: null }, []);
    await expect(answer).resolves.toMatchObject({ node: null });
  });

  it("turns a refusal and a silence into errors that say what to do", async () => {
    const error = { code: "has_children", message: "no", hint: "remove flat first", node: 1, index: null };
    const refused = client.ask({ type: "remove_node", node: 1 });
    client.receive({ type: "refused", request_id: sent[0]?.request_id, error }, []);
    await expect(refused).rejects.toMatchObject({ wire: error });
    const silent = client.ask({ type: "compute", node: 1 });
    const outcome = expect(silent).rejects.toBeInstanceOf(RequestError);
    await vi.advanceTimersByTimeAsync(10_000);
    await outcome;
  });

  it("survives a closed comm and unknown messages", () => {
    const closed = new Client(
      {
        send: () => {
          throw new Error("disposed");
        },
      },
      () => {},
    );
    closed.ask({ type: "compute", node: 1 }).catch(() => {});
    for (const message of [null, 7, "text", {}, { type: "from_the_future" }]) {
      expect(() => client.receive(message, [])).not.toThrow();
    }
    client.receive({ type: "notice", level: "info", message: "hello", hint: "", node: null }, []);
    expect(events).toHaveLength(1);
  });

  describe("channel", () => {
    let channel: Channel;
    let drawn: number[][];
    let handlers: ChannelHandlers;

    const request = (x: number): PictureRequest => ({
      type: "frame",
      node: 1,
      index: [0, x],
      component: 0,
      size_px: [9, 9],
      detail: "moving",
    });
    const reply = (generation: number, x: number, compute = 0): void => {
      const times_ms = { queue: 0, compute, encode: 0 };
      client.receive({ type: "frame", view: channel.view, generation, index: [0, x], times_ms }, []);
    };
    const asked = (): unknown[] => sent.map((request) => (request.index as number[])[1]);

    beforeEach(() => {
      drawn = [];
      handlers = {
        picture: (picture) => picture.type === "frame" && drawn.push(picture.index),
        failed: vi.fn(),
        late: vi.fn(),
      };
      channel = client.channel(handlers);
    });

    it("has one request in flight, and the newest wish wins", () => {
      for (const x of [1, 2, 3, 4]) {
        channel.want(request(x));
      }
      expect(asked()).toEqual([1]);
      reply(1, 1);
      expect(asked()).toEqual([1, 4]);
      reply(2, 4);
      expect(drawn).toEqual([
        [0, 1],
        [0, 4],
      ]);
      expect(channel.busy).toBe(false);
    });

    /** The first picture takes long on its way. */
    const farAway = (): void => {
      channel.want(request(1));
      vi.advanceTimersByTime(FAR_MS + 10);
      reply(1, 1);
    };

    it("has two in flight while pictures come from far away, and no more", () => {
      farAway();
      for (const x of [2, 3, 4, 5]) {
        channel.want(request(x));
      }
      expect(asked()).toEqual([1, 2, 3]);
      vi.advanceTimersByTime(FAR_MS + 10);
      reply(2, 2);
      expect(asked()).toEqual([1, 2, 3, 5]);
      // Making the picture took long: the next one is asked for when nothing is on its way.
      reply(3, 3, FAR_MS);
      channel.want(request(6));
      channel.want(request(7));
      expect(asked()).toEqual([1, 2, 3, 5]);
      vi.advanceTimersByTime(FAR_MS / 2);
      reply(4, 5);
      expect(asked()).toEqual([1, 2, 3, 5, 7]);
      reply(5, 7);
      expect(drawn.map((index) => index[1])).toEqual([1, 2, 3, 5, 7]);
      expect(channel.busy).toBe(false);
    });

    it("takes an answer for those of older requests too, which the kernel may drop", () => {
      farAway();
      channel.want(request(2));
      channel.want(request(3));
      channel.want(request(4));
      reply(3, 3);
      expect(asked()).toEqual([1, 2, 3, 4]);
      reply(2, 2);
      reply(4, 4);
      expect(drawn.map((index) => index[1])).toEqual([1, 3, 4]);
      expect(channel.busy).toBe(false);
      vi.advanceTimersByTime(LOST_MS + PICTURE_TIMEOUT_MS);
      expect(handlers.late).not.toHaveBeenCalledWith(true);
    });

    it("has one request in flight again after one was not answered in time", () => {
      farAway();
      channel.want(request(2));
      channel.want(request(3));
      channel.want(request(4));
      vi.advanceTimersByTime(PICTURE_TIMEOUT_MS);
      expect(handlers.late).toHaveBeenLastCalledWith(true);
      channel.want(request(5));
      expect(asked()).toEqual([1, 2, 3, 4]);
      reply(4, 4);
      expect(asked()).toEqual([1, 2, 3, 4, 5]);
    });

    it("knows the request of each answer while two are in flight", () => {
      const seen: unknown[] = [];
      handlers.picture = (_, __, sent) =>
        seen.push((sent?.request as { index: number[] } | undefined)?.index[1]);
      farAway();
      channel.want(request(2));
      channel.want(request(3));
      reply(2, 2);
      reply(3, 3);
      expect(seen).toEqual([1, 2, 3]);
    });

    it("never draws an older picture after a newer one", () => {
      channel.want(request(1));
      channel.want(request(2));
      vi.advanceTimersByTime(PICTURE_TIMEOUT_MS);
      expect(asked()).toEqual([1, 2]);
      reply(2, 2);
      reply(1, 1);
      expect(drawn).toEqual([[0, 2]]);
    });

    it("frees the slot after two seconds, and draws the late answer of a slow kernel", () => {
      channel.want(request(1));
      vi.advanceTimersByTime(PICTURE_TIMEOUT_MS + 500);
      expect(asked()).toEqual([1]);
      expect(handlers.late).toHaveBeenLastCalledWith(true);
      reply(1, 1);
      expect(drawn).toEqual([[0, 1]]);
      expect(handlers.late).toHaveBeenLastCalledWith(false);
    });

    it("asks again for a picture that got lost", () => {
      channel.want(request(1));
      vi.advanceTimersByTime(LOST_MS + 10);
      expect(asked()).toEqual([1, 1]);
    });

    it("waits while the kernel reports progress on the node", () => {
      channel.want(request(1));
      for (let i = 0; i < 4; i++) {
        vi.advanceTimersByTime(1500);
        client.receive(
          { type: "progress", node: 1, state: "running", done: i, total: 9, label: "", message: "" },
          [],
        );
      }
      expect(handlers.late).not.toHaveBeenCalledWith(true);
    });

    it("goes on after a failure", () => {
      const error = { code: "decode", message: "chunk 3 is broken", hint: "", node: 1, index: [0, 1] };
      channel.want(request(1));
      channel.want(request(2));
      client.receive({ type: "failed", view: channel.view, generation: 1, error }, []);
      expect(handlers.failed).toHaveBeenCalledWith(error);
      reply(2, 2);
      expect(drawn).toEqual([[0, 2]]);
    });

    it("forgets what is no longer wanted", () => {
      channel.want(request(1));
      channel.want(request(2));
      channel.satisfied();
      reply(1, 1);
      expect(drawn).toEqual([]);
      expect(asked()).toEqual([1]);
    });

    it("is silent once closed", () => {
      channel.want(request(1));
      channel.close();
      reply(1, 1);
      vi.advanceTimersByTime(60_000);
      expect(drawn).toEqual([]);
      expect(asked()).toEqual([1]);
    });

    it("does not mix two views of one model", () => {
      const other = client.channel({ ...handlers, picture: () => drawn.push([99]) });
      other.want(request(1));
      channel.want(request(2));
      reply(1, 2);
      expect(drawn).toEqual([[0, 2]]);
    });
  });
});

describe("messages shared with the Rust tests", () => {
  const folder = join(import.meta.dirname, "../../tests/messages");
  const files = (() => {
    try {
      return readdirSync(folder).filter((name) => name.endsWith(".json"));
    } catch {
      return [];
    }
  })();

  it.each(files.length > 0 ? files : ["(none yet)"])("%s is understood", (name) => {
    if (files.length === 0) {
      return;
    }
    const message = JSON.parse(readFileSync(join(folder, name), "utf8")) as unknown;
    const client = new Client({ send: () => {} }, () => {});
    expect(() => client.receive(message, [])).not.toThrow();
  });
});
