"""A TR-069 device for one session: cwmp_device.py PORT SERVER_HOST SERVER_PORT

It waits for a connection request, reports to its server and does what it is told until it is told nothing more.
"""

import http.client
import http.server
import re
import sys

from cwmp_words import envelope

DONE = {
    "GetParameterValues": "<ParameterList><ParameterValueStruct><Name>Device.DeviceInfo.SoftwareVersion</Name>"
                          "<Value>1.0.7</Value></ParameterValueStruct></ParameterList>",
    "SetParameterValues": "<Status>0</Status>",
    "Reboot": "",
}
INFORM = ("<DeviceId><Manufacturer>Example</Manufacturer><OUI>020000</OUI><ProductClass>Gateway</ProductClass>"
          "<SerialNumber>0042</SerialNumber></DeviceId><Event><EventStruct><EventCode>6 CONNECTION REQUEST</EventCode>"
          "<CommandKey></CommandKey></EventStruct></Event><MaxEnvelopes>1</MaxEnvelopes>")


class Door(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


with http.server.HTTPServer(("", int(sys.argv[1])), Door) as door:
    door.handle_request()
line = http.client.HTTPConnection(sys.argv[2], int(sys.argv[3]), timeout=5)
words = envelope("Inform", INFORM)
while True:
    line.request("POST", "/", words, {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": ""})
    told = line.getresponse().read().decode()
    if not told:
        break
    method = re.search(r"<cwmp:(\w+)>", told).group(1)
    words = "" if method == "InformResponse" else envelope(f"{method}Response", DONE[method])
line.close()
