"""IEC 60870-5-104 with c104 2.2: iec104.py server ADDRESS PORT | iec104.py client HOST PORT

The client interrogates the station, switches an output and sets a set-point; the server reports in between.
"""

import sys
import time

import c104

STATION, MEASURED, SWITCH, SET_POINT = 47, 11, 12, 13


def obey(point: c104.Point, previous_info: c104.Information, message: c104.IncomingMessage) -> c104.ResponseState:
    print(f"{point.type} {point.value}", flush=True)
    return c104.ResponseState.SUCCESS


def server(address, port):
    control = c104.Server(ip=address, port=port)
    station = control.add_station(common_address=STATION)
    measured = station.add_point(io_address=MEASURED, type=c104.Type.M_ME_NC_1)
    measured.value = 231.5
    for number, kind in ((SWITCH, c104.Type.C_SC_NA_1), (SET_POINT, c104.Type.C_SE_NC_1)):
        station.add_point(io_address=number, type=kind).on_receive(callable=obey)
    control.start()
    while True:
        time.sleep(0.7)
        measured.transmit(cause=c104.Cot.SPONTANEOUS)


def client(address, port):
    centre = c104.Client()
    line = centre.add_connection(ip=address, port=port, init=c104.Init.MUTED)
    station = line.add_station(common_address=STATION)
    station.add_point(io_address=MEASURED, type=c104.Type.M_ME_NC_1)
    switch = station.add_point(io_address=SWITCH, type=c104.Type.C_SC_NA_1)
    set_point = station.add_point(io_address=SET_POINT, type=c104.Type.C_SE_NC_1)
    centre.start()
    while line.state != c104.ConnectionState.OPEN_MUTED:
        time.sleep(0.1)
    line.unmute()
    time.sleep(0.3)
    switch.value, set_point.value = True, 47.5
    answers = []
    for act in (lambda: line.interrogation(common_address=STATION),
                lambda: switch.transmit(cause=c104.Cot.ACTIVATION),
                lambda: set_point.transmit(cause=c104.Cot.ACTIVATION)):
        answers.append(act())
        time.sleep(0.3)
    print(answers)
    centre.stop()
    sys.exit(not all(answers))


globals()[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
