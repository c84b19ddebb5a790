"""A TR-069 auto-configuration server for one session: cwmp_server.py PORT DEVICE_URL

It calls the device (connection request), and when the device reports it reads a parameter, sets one and reboots it.
"""

import http.server
import sys
import threading
import time
import urllib.request

from cwmp_words import envelope

CALLS = [
    ("GetParameterValues", "<ParameterNames><string>Device.DeviceInfo.SoftwareVersion</string></ParameterNames>"),
    ("SetParameterValues", "<ParameterList><ParameterValueStruct><Name>Device.ManagementServer.URL</Name>"
     "<Value>http://198.51.100.7:7547/</Value></ParameterValueStruct></ParameterList><ParameterKey>k1</ParameterKey>"),
    ("Reboot", "<CommandKey>r1</CommandKey>"),
]
waiting = list(CALLS)
over = threading.Event()


class Acs(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        heard = self.rfile.read(int(self.headers["Content-Length"]))
        if b"cwmp:Inform>" in heard:
            return self.answer(envelope("InformResponse", "<MaxEnvelopes>1</MaxEnvelopes>"))
        if waiting:
            return self.answer(envelope(*waiting.pop(0)))
        self.answer("")
        return over.set()

    def answer(self, text):
        self.send_response(200 if text else 204)
        if text:
            self.send_header("Content-Type", "text/xml; charset=utf-8")
            self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())


server = http.server.ThreadingHTTPServer(("", int(sys.argv[1])), Acs)
threading.Thread(target=server.serve_forever, daemon=True).start()
urllib.request.urlopen(sys.argv[2], timeout=5).read()
done = over.wait(10)
time.sleep(0.3)
sys.exit(not done)
