"""BACnet/IP with bacpypes 0.19: bacnet.py server ADDRESS | bacnet.py client ADDRESS SERVER

The client reads a property, writes it and reinitializes the device. Neither announces itself.
"""

import sys
import threading

from bacpypes.apdu import ReadPropertyRequest, ReinitializeDeviceRequest, SimpleAckPDU, WritePropertyRequest
from bacpypes.app import BIPSimpleApplication
from bacpypes.constructeddata import Any
from bacpypes.core import deferred, run, stop
from bacpypes.iocb import IOCB
from bacpypes.local.device import LocalDeviceObject
from bacpypes.object import AnalogValueObject, WritableProperty, register_object_type
from bacpypes.pdu import Address
from bacpypes.primitivedata import Real


@register_object_type(vendor_id=15)
class SetPoint(AnalogValueObject):
    properties = [WritableProperty("presentValue", Real)]


class Quiet(BIPSimpleApplication):
    _startup_disabled = True


class Device(Quiet):
    def do_ReinitializeDeviceRequest(self, request):
        self.response(SimpleAckPDU(context=request))


def local(number, name):
    return LocalDeviceObject(objectName=name, objectIdentifier=number, maxApduLengthAccepted=1024,
                             segmentationSupported="noSegmentation", vendorIdentifier=15)


def server(address):
    device = Device(local(42, "controller"), Address(f"{address}/24"))
    device.add_object(SetPoint(objectIdentifier=("analogValue", 1), objectName="set-point", presentValue=21.0))
    run()


def client(address, other):
    centre = Quiet(local(7, "centre"), Address(f"{address}/24"))
    target = Address(other)
    failed = []

    def act():
        what = {"objectIdentifier": ("analogValue", 1), "propertyIdentifier": "presentValue"}
        value = Any()
        value.cast_in(Real(35.0))
        write = WritePropertyRequest(**what, propertyValue=value, priority=8)
        for request in (ReadPropertyRequest(**what), write,
                        ReinitializeDeviceRequest(reinitializedStateOfDevice="warmstart", password="bms")):
            request.pduDestination = target
            exchange = IOCB(request)
            deferred(centre.request_io, exchange)
            exchange.wait(5)
            print(exchange.ioResponse, exchange.ioError)
            failed.append(exchange.ioResponse is None)
        stop()

    threading.Thread(target=act).start()
    run()
    sys.exit(any(failed))


globals()[sys.argv[1]](*sys.argv[2:])
