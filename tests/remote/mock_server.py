"""A chat-completions server that misbehaves by plan, for test_client.c. Prints its port; ends when standard input ends.

The last message's content is a plan and a name, "PLAN NAME": for each try of that name the next word of PLAN (joined by
"+", the last one repeated) says what to do; "ok" answers "answer to NAME", "echo" what was asked.

Where the last message is an assistant's, it is a teacher's: to question NAME it explains "because NAME" after a failure of some
kind (status 503 or 429, a stall, a body cut off or only half there, a reset) for every first try; a NAME with "open" does not
close, one with "late" closes for even seeds and tells the seed, one with "tag" has its closing tag written out, "refuse" gives
status 400. A prompt that begins with "rewrite" is answered by the prompt in capitals.
With --die N it ends by itself after N answers.
"""
import http.server
import json
import os
import socket
import struct
import sys
import threading
import time
import zlib

tries, lock, answered = {}, threading.Lock(), 0
limit = int(sys.argv[2]) if sys.argv[1:2] == ["--die"] else 0


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

    def teach(self, request):
        global answered
        question, seed = request["messages"][-2]["content"], request.get("seed")
        wanted = [m["role"] for m in request["messages"]][-2:] == ["user", "assistant"] and request["continue_final_message"] is True
        lead = request["messages"][-1]["content"]
        wanted = wanted and lead.startswith("<|begin_of_solution|>") and "<|begin_of_explanation|>" in lead
        with lock:
            n = tries[question, seed] = tries.get((question, seed), -1) + 1
            answered += n > 0
            if limit and answered > limit:
                os._exit(0)
        if not wanted or "refuse" in question:
            return self.send(400, b'{"error": {"message": "no such thing"}}')
        text = f"because {question}" + (f" {seed}" if "late" in question else "") + "\n\n"
        text += request["stop"][0] + "<|im_end|>" if "tag" in question else ""
        is_open = "open" in question or ("late" in question and seed % 2 == 1)
        answer = json.dumps({"choices": [{"message": {"role": "assistant", "content": text},
                                          "finish_reason": "length" if is_open else "stop"}]}).encode()
        if n > 0:
            return self.send(200, answer)
        kind = zlib.crc32(f"{question} {seed}".encode()) % 6
        if kind == 0:
            self.send(503, b"{}")
        elif kind == 1:
            self.send(429, b"{}", [("Retry-After", "1")])
        elif kind == 2:
            time.sleep(3)
            self.close_connection = True
        elif kind == 3:
            self.send(200, answer, cut=20)
        elif kind == 4:
            self.send(200, answer[:-20])
        else:
            self.reset()

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if request["messages"][-1]["role"] == "assistant":
            return self.teach(request)
        plan, name = request["messages"][-1]["content"].split(" ", 1)
        if plan == "rewrite":
            text = f"  {name.upper()}\n"
            return self.send(200, json.dumps({"choices": [{"message": {"role": "assistant", "content": text},
                                                           "finish_reason": "stop"}]}).encode())
        with lock:
            n = tries[name] = tries.get(name, -1) + 1
        steps = plan.split("+")
        step = steps[min(n, len(steps) - 1)]
        text = f"answer to {name}"
        if step == "echo":
            text = json.dumps({"request": request, "authorization": self.headers.get("Authorization"), "path": self.path,
                               "at": time.monotonic()})
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
        elif step == "late1":
            self.send(500, b"{}", [("Retry-After", "1")])
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
