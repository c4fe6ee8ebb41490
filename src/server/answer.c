/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a device is told about its frames and requests.
 */
#include "base/status.h"
#include "server/parts.h"

void tdi_peer_check_sent(tdi_server_core *core, tdi_peer *peer, td_status status,
                         const td_error *error, td_time now) {
    if (status == TD_OK || peer->session.state == TDI_SERVER_ENDED)
        return;
    tdi_core_log(core, peer, "closed: %s", error->message);
    tdi_server_session_end(&peer->session, status, error->message, now);
    tdi_peer_discard_waiting(core, peer);
    core->driver.close(core->driver.user, peer->connection, 0);
}

void tdi_peer_refuse_frame(tdi_server_core *core, tdi_peer *peer, uint64_t frame_id,
                           td_status status, const char *reason, td_time now) {
    td_error error = {0};
    core->stats.frames_dropped++;
    tdi_peer_check_sent(
        core, peer, tdi_server_session_drop(&peer->session, frame_id, status, reason, now, &error),
        &error, now);
}

void tdi_peer_answer_frame(tdi_server_core *core, tdi_peer *peer, const tdi_job *job, td_time now) {
    tdi_scored predictions[TD_TOP_MAX];
    td_error error = {0};
    if (job->status != TD_OK) {
        tdi_peer_refuse_frame(core, peer, job->frame_id, job->status, job->error.message, now);
        return;
    }
    for (size_t i = 0; i < job->prediction_count; i++) {
        td_label label = td_model_label(job->target->model, job->predictions[i].index);
        predictions[i].index = (uint32_t)job->predictions[i].index;
        predictions[i].score = job->predictions[i].score;
        predictions[i].id = label.id;
        predictions[i].name = label.name;
        predictions[i].description = label.description;
    }
    tdi_result result = {
        job->frame_id,         job->queue,           job->es,          job->is, predictions,
        job->prediction_count, job->output_elements, job->output_count};
    td_status status = tdi_server_session_result(&peer->session, &result, job->outputs,
                                                 job->output_bytes, now, &error);
    if (status == TD_OK)
        core->stats.results_sent++;
    else
        core->stats.frames_dropped++;
    tdi_peer_check_sent(core, peer, status, &error, now);
}

void tdi_peer_answer_file(tdi_server_core *core, tdi_peer *peer, const tdi_job *job, td_time now) {
    td_error error = {0};
    tdi_bundle_response response = {job->request_id, job->status, job->error.message, job->total};
    size_t size = job->status == TD_OK ? job->length : 0;
    td_status status = tdi_server_session_bundle(&peer->session, &response, job->payload->data,
                                                 size, now, &error);
    tdi_peer_check_sent(core, peer, status, &error, now);
}
