//! What `borderflow` says of an alert, in a field set of its own.

use super::parts;
use crate::attribute::ToolKind;
use crate::detect::{
    Alert, AssetInfo, Coverage, DeviceInfo, EvidenceInfo, ExceptionInfo, ManagementInfo, Totals, VolumeInfo,
};
use crate::encode::pen::Pen;
use crate::inspect::Login;

pub(super) fn put(alert: &Alert, pen: &mut Pen<'_>) {
    let (totals, jurisdiction) = (&alert.totals, &alert.jurisdiction);
    finding(alert, pen);
    if let Some(asset) = &alert.asset {
        self::asset(asset, pen);
    }
    pen.raw(",\"jurisdiction\":{\"iso_code\":\"").country(jurisdiction.country);
    pen.raw("\",\"name\":").text(jurisdiction.country.name());
    pen.raw(",\"risk\":").number(jurisdiction.risk).raw(",\"basis\":").text(&jurisdiction.basis).raw("}");
    if alert.asn.is_some() || alert.entity.is_some() {
        pen.raw(",\"entity\":").object(|pen| {
            pen.number_at(",\"as_number\":", alert.asn).text_at(",\"name\":", alert.entity.as_deref());
        });
    }
    pen.raw(",\"severity\":{\"level\":\"").raw(alert.severity.level());
    pen.raw("\",\"reasons\":").texts(alert.severity.reasons.iter().map(|reason| &**reason));
    pen.raw("},\"evidence\":[").join(alert.evidence.iter(), ",", |pen, item| evidence(item, pen)).raw("]");
    // Whom of the other side the asset had not been in touch with before.
    if alert.first_contact.is_any() {
        pen.raw(",\"first_contact\":").texts(alert.first_contact.names());
    }
    if let Some(exception) = &alert.exception {
        self::exception(exception, pen);
    }
    if let Some(VolumeInfo { window, bytes, threshold_bytes }) = alert.volume {
        pen.raw(",\"volume\":{\"window\":\"").raw(window.as_str()).raw("\",\"bytes\":").number(bytes);
        pen.raw(",\"threshold_bytes\":").number(threshold_bytes).raw("}");
    }
    coverage(alert.coverage, pen);
    if let Some(info) = &alert.management {
        management(info, totals, pen);
    }
    // The flagged host itself, where the other end is only a relay.
    if let Some(peer) = alert.flow.peer {
        pen.raw(",\"relayed_peer\":{\"ip\":\"").ip(peer.ip()).raw("\",\"port\":").number(peer.port()).raw("}");
    }
    pen.raw(",\"flow\":");
    parts::flow_detail(&alert.flow.update, alert.flow.domain.as_ref().map(|(basis, _)| *basis), pen);
    pen.raw("}");
}

fn finding(alert: &Alert, pen: &mut Pen<'_>) {
    let totals = &alert.totals;
    pen.raw(",\"borderflow\":{\"finding\":{\"id\":\"").raw(alert.finding.as_str());
    pen.raw("\",\"step\":\"").raw(alert.step.as_str()).raw("\",\"number\":").number(alert.number);
    pen.raw(",\"payload_bytes_sent\":").number(totals.sent_bytes);
    pen.raw(",\"payload_bytes_received\":").number(totals.received_bytes);
    pen.raw(",\"flows\":").number(totals.flows).raw(",\"inbound_flows\":").number(totals.inbound_flows);
    pen.raw(",\"suppressed_updates\":").number(alert.suppressed).raw("}");
}

fn asset(asset: &AssetInfo, pen: &mut Pen<'_>) {
    pen.raw(",\"asset\":{\"name\":").text(&asset.name).raw(",\"declared\":").flag(asset.declared);
    pen.raw(",\"criticality\":\"").raw(asset.criticality.as_str()).raw("\"");
    pen.text_at(",\"sector\":", asset.sector.as_deref()).text_at(",\"supplier\":", asset.supplier.as_deref());
    pen.text_at(",\"owner\":", asset.owner.as_deref());
    if let Some(device) = &asset.device {
        pen.raw(",\"device\":").object(|pen| self::device(device, pen));
    }
    pen.raw("}");
}

fn device(device: &DeviceInfo, pen: &mut Pen<'_>) {
    if let Some(mac) = device.mac {
        pen.raw(",\"mac\":\"").mac(mac).raw("\"");
    }
    pen.text_at(",\"registrant\":", device.registrant.as_deref());
    pen.text_at(",\"vendor\":", device.vendor.as_deref()).text_at(",\"class\":", device.class.as_deref());
    pen.text_at(",\"name\":", device.name.as_deref()).text_at(",\"model\":", device.model.as_deref());
    pen.text_at(",\"announced_by\":", device.announced_by);
}

fn evidence(item: &EvidenceInfo, pen: &mut Pen<'_>) {
    let filled = |text| Some(text).filter(|text: &&str| !text.is_empty());
    pen.raw("{\"kind\":\"").raw(item.kind.as_str());
    pen.raw("\",\"jurisdiction\":\"").country(item.jurisdiction);
    pen.raw("\",\"strength\":\"").raw(item.strength.as_str()).raw("\",\"basis\":\"").raw(item.basis.as_str());
    pen.raw("\"").text_at(",\"detail\":", filled(&item.detail));
    pen.raw(",\"source\":").text(&item.source).text_at(",\"date\":", filled(&item.date)).raw("}");
}

/// An accepted risk, or one that was.
fn exception(it: &ExceptionInfo, pen: &mut Pen<'_>) {
    pen.raw(",\"exception\":{\"name\":").text(&it.name).raw(",\"standing\":\"").raw(it.standing.as_str());
    pen.raw("\",\"reason\":").text(&it.reason).raw(",\"approver\":").text(&it.approver);
    pen.text_at(",\"ticket\":", it.ticket.as_deref()).raw(",\"expires\":\"").time(it.expires).raw("\"}");
}

fn coverage(coverage: Coverage, pen: &mut Pen<'_>) {
    let Coverage { frames, frames_lost, frames_cut, frames_skipped, missed_bytes, one_sided_flows } = coverage;
    pen.raw(",\"coverage\":{\"frames\":").number(frames).raw(",\"frames_lost\":").number(frames_lost);
    pen.raw(",\"frames_cut\":").number(frames_cut).raw(",\"frames_skipped\":").number(frames_skipped);
    pen.raw(",\"missed_bytes\":").number(missed_bytes).raw(",\"one_sided_flows\":").number(one_sided_flows).raw("}");
}

fn management(info: &ManagementInfo, totals: &Totals, pen: &mut Pen<'_>) {
    let ([read, write, control, program], exchanges) = (totals.commands, info.exchanges);
    pen.raw(",\"management\":{\"class\":\"").raw(info.via.class.as_str());
    pen.raw("\",\"protocol\":").text(info.via.protocol).raw(match totals.inbound_flows {
        0 => ",\"direction\":\"outbound\"",
        inbound if inbound == totals.flows => ",\"direction\":\"inbound\"",
        _ => ",\"direction\":\"both\"",
    });
    pen.text_at(",\"tool\":", info.tool.as_deref()).word_at(",\"tool_kind\":", info.via.tool.map(ToolKind::as_str));
    pen.raw(",\"sessions\":").number(totals.flows);
    pen.raw(",\"commands\":{\"read\":").number(read).raw(",\"write\":").number(write);
    pen.raw(",\"control\":").number(control).raw(",\"program\":").number(program).raw("}");
    if !info.functions.is_empty() {
        pen.raw(",\"functions\":").texts(info.functions.iter().map(|command| command.function));
    }
    if !info.details.is_empty() {
        pen.raw(",\"details\":").texts(info.details.iter().map(|detail| &**detail));
    }
    pen.word_at(",\"login\":", info.login.map(Login::as_str));
    // From the sizes of encrypted messages.
    if info.login_is_inferred() {
        pen.raw(",\"login_inferred\":true");
    }
    pen.raw(",\"failed_logins_before\":").number(info.failed_before);
    if exchanges.answered > 0 {
        pen.raw(",\"exchanges\":{\"answered\":").number(exchanges.answered);
        pen.raw(",\"bytes\":").number(exchanges.bytes).raw(",\"answer_bytes\":").number(exchanges.answer_bytes);
        let period_ms = exchanges.period().map(|period| period.as_millis() as u64);
        pen.number_at(",\"period_ms\":", period_ms).raw("}");
    }
    pen.raw("}");
}
