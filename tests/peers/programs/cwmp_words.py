"""SOAP envelopes of CWMP 1.2, as both ends write them."""


def envelope(method, body, number=1):
    return (f'<?xml version="1.0" encoding="UTF-8"?>\n'
            f'<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" '
            f'xmlns:cwmp="urn:dslforum-org:cwmp-1-2"><soap:Header><cwmp:ID soap:mustUnderstand="1">{number}</cwmp:ID>'
            f'</soap:Header><soap:Body><cwmp:{method}>{body}</cwmp:{method}></soap:Body></soap:Envelope>\n')
