// A WebSocket that comes back by itself. The page hears whether it is up, so that it can refresh by HTTP meanwhile.

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 10_000;
const REFUSED = 4403;

export class Socket {
  constructor(path, { opened = () => {}, message = () => {}, state = () => {} }) {
    this.path = path;
    this.handlers = { opened, message, state };
    this.pause = FIRST_PAUSE;
    this.connect();
  }

  get up() {
    return this.socket.readyState === WebSocket.OPEN;
  }

  connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    this.socket = new WebSocket(`${scheme}://${location.host}${this.path}`);
    this.socket.onopen = () => {
      this.pause = FIRST_PAUSE;
      this.handlers.opened();
    };
    this.socket.onmessage = (event) => {
      this.handlers.state(true);
      this.handlers.message(JSON.parse(event.data));
    };
    this.socket.onclose = (event) => this.closed(event.code);
  }

  closed(code) {
    this.handlers.state(false);
    if (code === REFUSED) {
      location.reload(); // the session has ended: the server leads to the sign-in
      return;
    }
    setTimeout(() => this.connect(), this.pause * (0.5 + Math.random()));
    this.pause = Math.min(this.pause * 2, LONGEST_PAUSE);
  }

  send(message) {
    if (this.up) this.socket.send(JSON.stringify(message));
  }
}
