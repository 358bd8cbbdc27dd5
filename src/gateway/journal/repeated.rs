//! Creations that are asked for again, by a client that has no answer.

use crate::{
    correlation::{
        Settlement,
        journal::{End, NOBODY, State},
    },
    gateway::{Context, Gateway, TypeId, create::unread},
    ops::clock,
    scim::{
        Object,
        error::{ScimError, ScimType},
        resource::Selection,
    },
};

use super::{Create, lost, recover::elsewhere};

/// How far a server that answers now is thought to be behind the one that answered before.
const LAG: time::Duration = time::Duration::seconds(10);

impl Gateway {
    /// The answer to a repeated request: what was made when it was sent first, if its client was not told then. The
    /// process that made it has died, or the answer did not come about.
    ///
    /// # Errors
    ///
    /// 503 if it was made a moment ago and cannot be read: the server that answers now may not have heard of it.
    pub(in crate::gateway) async fn made_before(
        &self,
        cx: &Context,
        ty: TypeId,
        create: &Create,
        selection: &Selection,
    ) -> Result<Option<Object>, ScimError> {
        let name = &self.ty(ty)?.resource_type.name;
        let mut made = self.correlation.of_request(name, &create.digest()).await.map_err(|e| lost(&e))?;
        made.retain(|record| record.state == State::Made);
        // Of a process that is alive, the client is being told.
        let dead = match made.is_empty() {
            true => Vec::new(),
            false => self.correlation.dead(&self.journal.replica, State::Made).await.map_err(|e| lost(&e))?,
        };
        let mut untold =
            made.into_iter().filter(|record| record.replica == NOBODY || dead.contains(&record.replica));
        let Some((record, id)) = untold.next().and_then(|made| Some((made.clone(), made.resource_id?)))
        else {
            return Ok(None);
        };
        let answer = match self.find_id(ty, &id).await? {
            Some(row) => match self.again(cx, ty, row, selection).await {
                Err(error) if error.status() == 404 => {
                    if (clock::now() - record.started).abs() < LAG {
                        return Err(unread(error));
                    }
                    None
                }
                read => Some(read?),
            },
            None => None,
        };
        // Not before the answer is there: without one, the client comes back.
        let end = Settlement { id: record.id, replica: record.replica, end: End::Gone };
        self.correlation.end(end).await.map_err(|e| lost(&e))?;
        Ok(answer)
    }

    /// What a refusal of a creation comes to, because of a value that is in use, if another process died over the
    /// very same request and is not known to be dead yet: the client is to ask again.
    pub(in crate::gateway) async fn refused_for_good(
        &self,
        ty: TypeId,
        digest: &str,
        refusal: ScimError,
    ) -> Result<ScimError, ScimError> {
        if !self.correlation.is_shared() || refusal.scim_type() != Some(ScimType::Uniqueness) {
            return Ok(refusal);
        }
        let name = &self.ty(ty)?.resource_type.name;
        let same = self.correlation.of_request(name, digest).await.map_err(|e| lost(&e))?;
        for record in same {
            let is_ours = [NOBODY, &self.journal.replica].contains(&record.replica.as_str());
            // One that is alive tells its client, and nobody but that one was first.
            if !is_ours && !self.correlation.has_turns(&record.replica).await.map_err(|e| lost(&e))? {
                return Ok(elsewhere());
            }
        }
        Ok(refusal)
    }
}
