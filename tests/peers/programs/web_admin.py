"""A device's own pages behind basic authentication, as small devices have them: web_admin.py PORT USER:PASSWORD"""

import base64
import http.server
import socket
import sys


class Pages(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "device-httpd/1.0", ""
    expected = "Basic " + base64.b64encode(sys.argv[2].encode()).decode()

    def do_GET(self):
        if self.headers.get("Authorization") == self.expected:
            return self.answer(200, b"<html><title>Inverter</title>P=4711 W, U=231 V</html>\n")
        return self.answer(401, b"authorization required\n", {"WWW-Authenticate": 'Basic realm="Inverter"'})

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def answer(self, status, body, headers=None):
        self.send_response(status)
        for name, value in ({"Content-Type": "text/html", "Content-Length": str(len(body))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


class BothFamilies(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6


BothFamilies(("::", int(sys.argv[1])), Pages).serve_forever()
