"""A chat-completions server that misbehaves by plan, for test_client.c. Prints its port; ends when standard input ends.

The first message's content is a plan and a name, "PLAN NAME": for each try of that name the next word of PLAN (joined by
"+", the last one repeated) says what to do; "ok" answers "answer to NAME", "echo" what was asked.
"""
import http.server
import json
import socket
import struct
import sys
import threading
import time

tries, lock = {}, threading.Lock()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def send(self, status, body, headers=(), cut=0):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:len(body) - cut])
        if cut:
            self.close_connection = True

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        plan, name = request["messages"][-1]["content"].split(" ", 1)
        with lock:
            n = tries[name] = tries.get(name, -1) + 1
        steps = plan.split("+")
        step = steps[min(n, len(steps) - 1)]
        text = f"answer to {name}"
        if step == "echo":
            text = json.dumps({"request": request, "authorization": self.headers.get("Authorization"), "path": self.path})
        answer = json.dumps({"choices": [{"index": 0, "message": {"role": "assistant", "content": text, "reasoning_content": "hm"},
                                          "finish_reason": "stop"}], "usage": {"prompt_tokens": 3, "completion_tokens": 4}}).encode()
        if step in ("ok", "echo"):
            self.send(200, answer)
        elif step == "slow":
            time.sleep(0.3)
            self.send(200, answer)
        elif step == "stall":
            time.sleep(3)
            self.close_connection = True
        elif step == "cut":
            self.send(200, answer, cut=20)
        elif step == "half":  # whole by its length, not by its JSON
            self.send(200, answer[:-20])
        elif step == "reset":
            self.reset()
        elif step == "html":
            self.send(200, b"<html>busy</html>")
        elif step == "huge":
            self.send(200, b"[" + b" " * 300000 + b"]")
        elif step == "moved":
            self.send(307, b"", [("Location", "/elsewhere")])
        elif step.startswith("after"):  # after1: Retry-After 1
            self.send(429, b'{"error": {"message": "slow down"}}', [("Retry-After", step[5:])])
        else:
            key = self.headers.get("Authorization", "")
            self.send(int(step), json.dumps({"error": {"message": f"planned {step}\nfor {key}"}}).encode())


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass  # clients that hang up are part of the test


server = Server(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
