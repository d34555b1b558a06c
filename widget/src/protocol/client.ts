/**
 * The conversation with the kernel: requests with an id that get one reply, and channels of
 * pictures with at most two requests in flight, where the newest request wins.
 */

import type { Event, Reply, Request, WireError } from "./generated";

/** What the client needs of an anywidget model. */
export interface Wire {
  send(content: unknown): void;
}

export type Answered = Extract<Reply, { type: "welcome" | "done" | "menu" | "inputs" | "paths" }>;
type PictureReply = Extract<Reply, { type: "frame" | "navigator" }>;
type WithoutId<T> = T extends { request_id: number } ? Omit<T, "request_id"> : never;
export type Question = WithoutId<Request>;
type WithoutGeneration<T> = T extends { generation: number } ? Omit<T, "generation" | "view"> : never;
/** A picture somebody wants to see. */
export type PictureRequest = WithoutGeneration<Request>;

export const REQUEST_TIMEOUT_MS = 10_000;
export const PICTURE_TIMEOUT_MS = 2_000;
/** A picture without any answer for this long is taken for lost and asked for again. */
export const LOST_MS = 10_000;
/**
 * A picture that takes longer comes from far away, unless the kernel says that making it took the time: a second
 * one is asked for while it travels. Near by, a second one would only wait in line, for an older position.
 */
export const FAR_MS = 40;
/** The share of that time in which the kernel may have worked. */
const WORK_SHARE = 0.25;

/** A refusal of the kernel, or its silence. */
export class RequestError extends Error {
  constructor(readonly wire: WireError) {
    super(wire.message);
    this.name = "RequestError";
  }
}

function silence(message: string, hint: string): RequestError {
  return new RequestError({ code: "timeout", message, hint, node: null, index: null });
}

/** Ids differ between pages that share a kernel, so that a page ignores answers to another one. */
function randomId(): number {
  return Math.floor(Math.random() * 0x7fff_ffff);
}

interface Waiting {
  resolve: (reply: Answered) => void;
  reject: (error: RequestError) => void;
  timer: ReturnType<typeof setTimeout>;
}

export class Client {
  #wire: Wire;
  #onEvent: (event: Event) => void;
  #onClosed: () => void;
  #waiting = new Map<number, Waiting>();
  #channels = new Map<number, Channel>();
  #nextId = randomId();

  /** `onClosed`: a message could not even be sent. */
  constructor(wire: Wire, onEvent: (event: Event) => void, onClosed: () => void = () => {}) {
    this.#wire = wire;
    this.#onEvent = onEvent;
    this.#onClosed = onClosed;
  }

  /** Sends a request; fails with a `RequestError` when refused or not answered in time. */
  ask(question: Question, timeoutMs = REQUEST_TIMEOUT_MS): Promise<Answered> {
    const request_id = this.#nextId++ >>> 0;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(request_id);
        reject(
          silence(`The kernel did not answer "${question.type}"`, "Run the cell again if it was restarted."),
        );
      }, timeoutMs);
      this.#waiting.set(request_id, { resolve, reject, timer });
      this.send({ ...question, request_id } as Request);
    });
  }

  /** Sends a request whose answer nobody waits for. */
  tell(question: Question): void {
    this.send({ ...question, request_id: this.#nextId++ >>> 0 } as Request);
  }

  /** A stream of pictures of one kind for one view. */
  channel(handlers: ChannelHandlers): Channel {
    const view = randomId();
    const channel = new Channel(this, view, handlers, () => this.#channels.delete(view));
    this.#channels.set(view, channel);
    return channel;
  }

  send(request: Request): void {
    try {
      this.#wire.send(request);
    } catch {
      // Requests that wait for an answer end by their timeouts.
      this.#onClosed();
    }
  }

  /** Handles one message from the kernel; other messages of the model are ignored. */
  receive(message: unknown, buffers: readonly DataView[]): void {
    const reply = message as Reply | Event | null;
    switch (reply?.type) {
      case "welcome":
      case "done":
      case "menu":
      case "inputs":
      case "paths":
        this.#settle(reply.request_id)?.resolve(reply);
        break;
      case "refused":
        this.#settle(reply.request_id)?.reject(new RequestError(reply.error));
        break;
      case "frame":
      case "navigator":
        this.#channels.get(reply.view)?.arrived(reply, buffers);
        break;
      case "failed":
        this.#channels.get(reply.view)?.failed(reply.generation, reply.error);
        break;
      case "progress":
        for (const channel of this.#channels.values()) {
          channel.alive(reply.node);
        }
        this.#onEvent(reply);
        break;
      case "tree_changed":
      case "navigator_changed":
      case "refined":
      case "memory":
      case "notice":
      case "picture":
        this.#onEvent(reply);
        break;
    }
  }

  dispose(): void {
    for (const { timer } of this.#waiting.values()) {
      clearTimeout(timer);
    }
    this.#waiting.clear();
    for (const channel of [...this.#channels.values()]) {
      channel.close();
    }
  }

  #settle(requestId: number): Waiting | undefined {
    const waiting = this.#waiting.get(requestId);
    this.#waiting.delete(requestId);
    clearTimeout(waiting?.timer);
    return waiting;
  }
}

export interface Sent {
  generation: number;
  request: PictureRequest;
  /** `performance.now()` of the request. */
  sentAt: number;
}

export interface ChannelHandlers {
  /** A picture newer than every one before; `sent` is its request if that is the newest one. */
  picture(reply: PictureReply, buffers: readonly DataView[], sent: Sent | null): void;
  failed(error: WireError): void;
  /** The newest request is late (`true`), or answered (`false`). */
  late(late: boolean): void;
}

export class Channel {
  readonly view: number;
  #client: Client;
  #handlers: ChannelHandlers;
  #onClose: () => void;
  #generation = 0;
  #drawn = 0;
  /** The requests that hold the slots, oldest first. */
  #inFlight: Sent[] = [];
  /** How many may. */
  #slots = 1;
  /** The newest request that was sent, answered or not. */
  #last: Sent | null = null;
  #next: PictureRequest | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(client: Client, view: number, handlers: ChannelHandlers, onClose: () => void) {
    this.#client = client;
    this.view = view;
    this.#handlers = handlers;
    this.#onClose = onClose;
  }

  get generation(): number {
    return this.#generation;
  }

  get busy(): boolean {
    return this.#inFlight.length > 0;
  }

  /** Asks for a picture as soon as a slot is free; replaces an older request that waits. */
  want(request: PictureRequest): void {
    if (this.#closed) {
      return;
    }
    if (this.#inFlight.length < this.#slots) {
      this.#send(request);
    } else {
      this.#next = request;
    }
  }

  /** What is wanted is on screen already: forgets the waiting request and the answers to those before. */
  satisfied(): void {
    this.#next = null;
    this.#drawn = this.#generation;
  }

  arrived(reply: PictureReply, buffers: readonly DataView[]): void {
    if (this.#closed) {
      return;
    }
    const { generation } = reply;
    const sent = [...this.#inFlight, this.#last].find((sent) => sent?.generation === generation) ?? null;
    const fresh = generation > this.#drawn;
    this.#drawn = Math.max(this.#drawn, generation);
    if (reply.type === "frame" && sent) {
      const trip = performance.now() - sent.sentAt;
      const { compute, encode } = reply.times_ms;
      this.#slots = trip > FAR_MS && compute + encode < trip * WORK_SHARE ? 2 : 1;
    }
    this.#free(generation);
    if (fresh) {
      this.#handlers.picture(reply, buffers, sent);
    }
  }

  failed(generation: number, error: WireError): void {
    if (this.#closed) {
      return;
    }
    // The page has said itself that nobody looks.
    const fresh = generation > this.#drawn && error.code !== "hidden";
    this.#free(generation);
    if (fresh) {
      this.#handlers.failed(error);
    }
  }

  /** Work on `node` goes on: the answer is not late. */
  alive(node: number): void {
    if (this.#inFlight.some(({ request }) => "node" in request && request.node === node)) {
      this.#startTimer();
    }
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#onClose();
  }

  #send(request: PictureRequest): void {
    this.#generation += 1;
    const generation = this.#generation;
    this.#last = { generation, request, sentAt: performance.now() };
    this.#inFlight.push(this.#last);
    this.#next = null;
    this.#startTimer();
    this.#client.send({ ...request, view: this.view, generation } as Request);
  }

  #startTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#timedOut(), PICTURE_TIMEOUT_MS);
  }

  /**
   * The slots are given to a newer request. Without one nothing is sent again at once: a kernel that is
   * only slow would start over each time; its late answer is still drawn.
   */
  #timedOut(): void {
    this.#inFlight = [];
    this.#slots = 1;
    this.#handlers.late(true);
    if (this.#next) {
      this.#send(this.#next);
      return;
    }
    this.#timer = setTimeout(() => {
      if (this.#last && this.#last.generation > this.#drawn) {
        this.#send(this.#last.request);
      }
    }, LOST_MS - PICTURE_TIMEOUT_MS);
  }

  /** An answer stands for the requests before it too: the kernel drops those that a newer one replaced. */
  #free(generation: number): void {
    const newest = generation === this.#generation;
    if (newest) {
      this.#handlers.late(false);
    }
    const left = this.#inFlight.filter((sent) => sent.generation > generation);
    if (left.length === this.#inFlight.length && !newest) {
      return;
    }
    this.#inFlight = left;
    if (this.#next && left.length < this.#slots) {
      this.#send(this.#next);
    } else if (left.length === 0) {
      clearTimeout(this.#timer);
    } else {
      this.#startTimer();
    }
  }
}
