"""A device that reports and, if told a topic, listens (paho-mqtt 1.6).

mqtt_device.py HOST PORT CLIENT_ID USER PASSWORD REPORTS SECONDS_BETWEEN [TOPIC]; exit status 1 if it was refused, or if
it listened and was told nothing.
"""

import sys
import time

import paho.mqtt.client as mqtt

host, port, name, user, password, reports, pause, *topics = sys.argv[1:]
refused, told = [], []


def connected(client, _data, _flags, code):
    if code:
        refused.append(code)
    for topic in topics:
        client.subscribe(topic, qos=1)


def obey(client, _data, message):
    told.append(message.topic)
    client.publish(f"{name}/ack", f"{message.topic} done", qos=0)


device = mqtt.Client(client_id=name, clean_session=True)
device.username_pw_set(user, password)
device.on_connect, device.on_message = connected, obey
device.connect(host, int(port), keepalive=30)
device.loop_start()
for turn in range(int(reports)):
    time.sleep(float(pause))
    device.publish(f"{name}/telemetry", f'{{"n":{turn},"p_w":{4700 + turn},"u_v":231.2}}', qos=1)
time.sleep(0.5)
device.disconnect()
device.loop_stop()
sys.exit(bool(refused) or len(told) < len(topics))
